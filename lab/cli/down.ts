import { type Command, CommanderError } from 'commander';
import { backendOf } from '../backend/backends.js';
import { LabError } from '../error.js';
import { takeAllDown, takeDown } from '../record/down.js';
import { EXIT_BAD_INPUT } from './exit-status.js';
import { aborted, interruptible } from './signals.js';

export function registerDown(program: Command): void {
  program
    .command('down')
    .description('end labs, from their records alone; one that is down already is no error')
    .argument('[name...]', 'labs')
    .option('--all', 'all labs of this machine')
    .action((names: string[], { all }: { all?: true }) => down(names, all ?? false));
}

async function down(names: readonly string[], all: boolean): Promise<void> {
  if (all === names.length > 0) {
    const message = 'error: name the labs to end, or give --all\n';
    process.stderr.write(message);
    throw new CommanderError(EXIT_BAD_INPUT, 'mpip-lab.down', message);
  }
  // Half a lab is of no use to anybody: a signal is told, and the work goes on to its end.
  await interruptible(async (signal) => {
    void aborted(signal).then(() => process.stderr.write('finishing first\n'));
    const ended = all ? await takeAllDown(backendOf) : await takeNamedDown(names);
    if (ended.length > 0) process.stderr.write(`down: ${ended.join(', ')}\n`);
    else if (all) process.stderr.write('no labs\n');
  });
}

/** Returns those that were there; the others are told of, and as far down as they can be. */
async function takeNamedDown(names: readonly string[]): Promise<string[]> {
  const ended: string[] = [];
  for (const name of names) {
    try {
      await takeDown(name, backendOf);
      ended.push(name);
    } catch (error) {
      if (!(error instanceof LabError) || error.code !== 'E_LAB_UNKNOWN') throw error;
      process.stderr.write(`${error.message}\n`);
    }
  }
  return ended;
}
