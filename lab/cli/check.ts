import type { Command } from 'commander';
import { DocumentError } from '../../src/document/error.js';
import { makePlan, readTopology } from '../lab.js';
import { EXIT_BAD_INPUT } from './exit-status.js';

export function registerCheck(program: Command): void {
  program
    .command('check')
    .description('check topologies; every problem is named with file, line and column')
    .argument('<file...>')
    .option('--together', 'as one topology, each file over those before it, as `up` takes them')
    .action(async (files: [string, ...string[]], { together }: { together?: true }) => {
      for (const group of together ? [files] : files.map((file): [string] => [file])) {
        const file = group.join(' ');
        try {
          const { nodes, links } = makePlan(await readTopology(...group));
          process.stdout.write(`${file}: ok, ${nodes.length} nodes, ${links.length} links\n`);
        } catch (error) {
          if (!(error instanceof DocumentError)) throw error;
          process.stderr.write(`${error.message}\n`);
          process.exitCode = EXIT_BAD_INPUT;
        }
      }
    });
}
