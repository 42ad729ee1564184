import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { RELAY_NODE, relayedLinks } from '../plan/relay.js';
import { Lab } from '../running/lab.js';
import { Interrupted, interruptible } from './signals.js';

const POLL_MS = 200;
const CHUNK_BYTES = 64 << 10;

export function registerLogs(program: Command): void {
  program
    .command('logs')
    .description('what the mpipds of a lab wrote, and its relay')
    .argument('<lab>')
    .argument('[node]', 'only of this node')
    .option('-f, --follow', 'go on until Ctrl-C or the end of the lab')
    .action((name: string, node: string | undefined, { follow }: { follow?: true }) =>
      logs(name, node, follow ?? false),
    );
}

async function logs(name: string, node: string | undefined, follow: boolean): Promise<void> {
  const lab = Lab.open(name);
  const relay = relayedLinks(lab.plan).length > 0 ? [RELAY_NODE] : [];
  const names = [...lab.nodes.map((own) => own.name), ...relay];
  const wanted = node === undefined ? names : [lab.node(node).name];
  const tails = wanted.flatMap((own) =>
    readdirSync(join(lab.directory, own))
      .filter((file) => file.endsWith('.log'))
      .map((file) => new Tail(`${own} | `, join(lab.directory, own, file))),
  );
  try {
    await interruptible(async (signal) => {
      for (;;) {
        for (const tail of tails) tail.print();
        if (!follow || !isThere(lab.directory)) return;
        await sleep(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    });
  } catch (error) {
    // The way to end --follow.
    if (!(error instanceof Interrupted)) throw error;
  } finally {
    for (const tail of tails) tail.close();
  }
}

/** A file that grows, printed line by line. */
class Tail {
  readonly #prefix: string;
  readonly #descriptor: number;
  readonly #buffer = Buffer.alloc(CHUNK_BYTES);
  #rest = Buffer.alloc(0);

  constructor(prefix: string, file: string) {
    this.#prefix = prefix;
    this.#descriptor = openSync(file, 'r');
  }

  print(): void {
    for (let bytes = -1; bytes !== 0; ) {
      bytes = readSync(this.#descriptor, this.#buffer, 0, CHUNK_BYTES, null);
      this.#rest = Buffer.concat([this.#rest, this.#buffer.subarray(0, bytes)]);
      const end = this.#rest.lastIndexOf('\n') + 1;
      if (end === 0) continue;
      const lines = this.#rest
        .subarray(0, end - 1)
        .toString('utf8')
        .split('\n');
      process.stdout.write(lines.map((line) => `${this.#prefix}${line}\n`).join(''));
      this.#rest = this.#rest.subarray(end);
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

function isThere(directory: string): boolean {
  try {
    readdirSync(directory);
    return true;
  } catch {
    return false;
  }
}
