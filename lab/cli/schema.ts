import type { Command } from 'commander';
import { topologyJsonSchema } from '../topology/json-schema.js';

export function registerSchema(program: Command): void {
  program
    .command('schema')
    .description('the JSON Schema of topologies, for editors')
    .action(() => {
      process.stdout.write(`${JSON.stringify(topologyJsonSchema(), null, 2)}\n`);
    });
}
