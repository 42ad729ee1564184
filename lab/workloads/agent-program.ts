/** The side of agent.ts that runs in a node. */
import { once } from 'node:events';
import { writeSync } from 'node:fs';

/** What a program writes to stderr when it can begin. */
export const READY = 'ready';
/** Tells a client to begin. */
export const GO = 'SIGUSR2';

const STDOUT = 1;
const STDERR = 2;

/** Client: says that it is ready, and resolves when it is to begin. */
export async function begin(): Promise<void> {
  // Without something to wait for, Node ends.
  const alive = setInterval(() => {}, 60_000);
  const told = once(process, GO);
  sayReady();
  await told;
  clearInterval(alive);
}

/** Server: says that it is ready, and resolves when it is to end. */
export async function serve(): Promise<void> {
  const told = once(process, 'SIGTERM');
  sayReady();
  await told;
}

/** Writes the result and ends. */
export function finish(result: unknown): never {
  const bytes = Buffer.from(JSON.stringify(result));
  for (let written = 0; written < bytes.length; ) written += writeSync(STDOUT, bytes, written);
  process.exit(0);
}

/** Microseconds of a clock that all processes of the machine share (CLOCK_MONOTONIC). */
export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

function sayReady(): void {
  writeSync(STDERR, `${READY}\n`);
}
