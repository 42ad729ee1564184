import { closeSync, openSync, writeSync } from 'node:fs';
import type { Command } from 'commander';
import { capture, placesOf } from '../capture/capture.js';
import { LabError } from '../error.js';
import { Lab } from '../running/lab.js';
import { Interrupted, interruptible } from './signals.js';

const STDOUT = 1;

export function registerCapture(program: Command): void {
  program
    .command('capture')
    .description('capture packets of a running lab as pcapng, until Ctrl-C')
    .argument('<lab>')
    .argument('<what...>', 'links, nodes (all their interfaces), or NODE:INTERFACE')
    .option('-w, --write <file>', 'default: standard output, such as for: | wireshark -k -i -')
    .option('-f, --filter <expression>', 'what to capture, in the words of pcap-filter(7), such as "udp port 6747"')
    .action(async (name: string, what: string[], flags: { write?: string; filter?: string }) => {
      if (flags.write === undefined && process.stdout.isTTY) {
        throw new LabError('E_LAB_NAME', 'packets are not for terminals; give a file with -w');
      }
      const lab = Lab.open(name);
      const places = what.flatMap((own) => placesOf(lab, own));
      const file = flags.write === undefined ? STDOUT : openSync(flags.write, 'w');
      // Whoever reads the packets has seen enough.
      const closed = new AbortController();
      const write = (piece: Buffer): void => {
        if (!closed.signal.aborted && !writeAll(file, piece)) closed.abort();
      };
      try {
        await interruptible((signal) =>
          capture(lab, places, {
            signal: AbortSignal.any([signal, closed.signal]),
            onData: write,
            onStart: () => process.stderr.write(`capturing ${what.join(', ')}; Ctrl-C ends it\n`),
            ...(flags.filter !== undefined && { filter: flags.filter }),
          }),
        );
      } catch (error) {
        // The way to end it.
        if (!(error instanceof Interrupted)) throw error;
      } finally {
        if (file !== STDOUT) closeSync(file);
      }
    });
}

/** Returns whether somebody still reads. */
function writeAll(file: number, piece: Buffer): boolean {
  try {
    for (let written = 0; written < piece.length; ) written += writeSync(file, piece, written);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return false;
    throw error;
  }
}
