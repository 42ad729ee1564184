import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Command } from 'commander';
import { Lab } from '../lab.js';

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

/** With this process's terminal, whose signals are for the command alone. */
async function runInside(name: string, node: string, words: readonly string[]): Promise<void> {
  const { command, env } = Lab.open(name).commandLine(node, words);
  const [program = '', ...rest] = command;
  const onSignal = (): void => {};
  process.on('SIGINT', onSignal).on('SIGQUIT', onSignal);
  const child = spawn(program, rest, { env, stdio: 'inherit' });
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}
