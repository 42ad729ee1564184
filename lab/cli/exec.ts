import type { Command } from 'commander';
import { Lab } from '../running/lab.js';

export function registerExec(program: Command): void {
  program
    .command('exec')
    .description('run a command in a node; its exit status is passed on')
    .argument('<lab>')
    .argument('<node>')
    .argument('<command...>', 'such as: -- ip route')
    .passThroughOptions()
    .action((lab: string, node: string, [first, ...rest]: string[]) =>
      // Options are passed through, and so is the sign that ends those of mpip-lab.
      runInside(lab, node, first === '--' ? rest : [first ?? '', ...rest]),
    );
  program
    .command('shell')
    .description('a shell in a node ($SHELL)')
    .argument('<lab>')
    .argument('<node>')
    .action((lab: string, node: string) => runInside(lab, node, [process.env.SHELL || '/bin/sh']));
}

/** Not `exit`, which would not wait until all of the output is written. */
async function runInside(name: string, node: string, words: readonly string[]): Promise<void> {
  process.exitCode = await Lab.open(name).attach(node, words);
}
