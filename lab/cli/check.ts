import type { Command } from 'commander';
import { DocumentError } from '../../src/document/error.js';
import { makePlan, readTopology } from '../lab.js';
import { EXIT_BAD_INPUT } from './exit-status.js';

export function registerCheck(program: Command): void {
  program
    .command('check')
    .description('check topologies; every problem is named with file, line and column')
    .argument('<file...>')
    .action(async (files: string[]) => {
      for (const file of files) {
        try {
          const { nodes, links } = makePlan(await readTopology(file));
          process.stdout.write(`${file}: ok, ${nodes.length} nodes, ${links.length} links\n`);
        } catch (error) {
          if (!(error instanceof DocumentError)) throw error;
          process.stderr.write(`${error.message}\n`);
          process.exitCode = EXIT_BAD_INPUT;
        }
      }
    });
}
