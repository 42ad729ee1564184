import { Argument, type Command } from 'commander';
import { scenarioJsonSchema } from '../scenario/json-schema.js';
import { topologyJsonSchema } from '../topology/json-schema.js';

const SCHEMAS = { topology: topologyJsonSchema, scenario: scenarioJsonSchema };

export function registerSchema(program: Command): void {
  program
    .command('schema')
    .description('the JSON Schema of topologies or of scenarios, for editors')
    .addArgument(new Argument('[kind]').choices(Object.keys(SCHEMAS)).default('topology'))
    .action((kind: keyof typeof SCHEMAS) => {
      process.stdout.write(`${JSON.stringify(SCHEMAS[kind](), null, 2)}\n`);
    });
}
