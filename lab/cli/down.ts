import { type Command, CommanderError } from 'commander';
import { backendOf } from '../backend/backends.js';
import { takeAllDown, takeDown } from '../record/down.js';
import { EXIT_BAD_INPUT } from './exit-status.js';
import { aborted, interruptible } from './signals.js';

export function registerDown(program: Command): void {
  program
    .command('down')
    .description('end labs, from their records alone')
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
    const ended = all ? await takeAllDown(backendOf) : names;
    if (!all) for (const name of names) await takeDown(name, backendOf);
    process.stderr.write(ended.length === 0 ? 'no labs\n' : `down: ${ended.join(', ')}\n`);
  });
}
