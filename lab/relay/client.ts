/** Talks to a lab's relay. */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { LabError } from '../error.js';
import type { RelayCounters, RelayReply, RelayRequest } from './protocol.js';

const TIMEOUT_MS = 5000;

/** Throws LabError (E_LAB_RELAY). */
export async function askRelay(socketPath: string, request: RelayRequest): Promise<readonly RelayCounters[]> {
  return (await ask(socketPath, request)).counters ?? [];
}

/** Empties all links and starts their traces and randomness again; resolves to when that was, us of CLOCK_REALTIME. Throws LabError (E_LAB_RELAY). */
export async function resetRelay(socketPath: string): Promise<number> {
  const { resetUs } = await ask(socketPath, { what: 'reset' });
  if (resetUs === undefined) throw failure('did not say when it was reset');
  return resetUs;
}

type Answer = Exclude<RelayReply, { readonly error: string }>;

/** One request over a connection of its own. */
async function ask(socketPath: string, request: RelayRequest): Promise<Answer> {
  const socket = await open(socketPath);
  try {
    const reply = await new Promise<RelayReply>((resolve, reject) => {
      socket.setTimeout(TIMEOUT_MS, () => reject(failure(`did not answer within ${TIMEOUT_MS} ms`)));
      socket.once('error', (error) => reject(failure(error.message, error)));
      socket.once('close', () => reject(failure('ended before it answered')));
      createInterface({ input: socket }).once('line', (line) => resolve(JSON.parse(line)));
      socket.write(`${JSON.stringify({ id: 0, request })}\n`);
    });
    if ('error' in reply) throw failure(`refused: ${reply.error}`);
    return reply;
  } finally {
    socket.destroy();
  }
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('error', (error) => reject(failure(`cannot be reached: ${error.message}`, error)));
    socket.once('connect', () => resolve(socket));
  });
}

function failure(message: string, cause?: Error): LabError {
  return new LabError('E_LAB_RELAY', `the relay ${message}`, cause && { cause });
}
