/**
 * One process at a time measures links on this machine. An abstract unix socket is the lock, which the kernel releases however its holder ends;
 * who waits is connected to it and sees that at once.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { abortable } from './abortable.js';

const ADDRESS = '\0mpip-lab-calibration';

/** Resolves when no other process has it. Rejects with the signal's reason. */
export async function machineTurn(signal?: AbortSignal): Promise<AsyncDisposable> {
  for (;;) {
    signal?.throwIfAborted();
    const held = await tryToHold();
    if (held !== undefined) return held;
    const gone = holderGone();
    try {
      await (signal === undefined ? gone.promise : abortable(gone.promise, signal));
    } finally {
      gone.socket.destroy();
    }
  }
}

/** undefined: somebody has it. */
async function tryToHold(): Promise<AsyncDisposable | undefined> {
  const waiting = new Set<Socket>();
  const server = createServer((socket) => {
    waiting.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => waiting.delete(socket));
  });
  try {
    await once(server.listen(ADDRESS), 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
  return { [Symbol.asyncDispose]: () => release(server, waiting) };
}

async function release(server: Server, waiting: ReadonlySet<Socket>): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  for (const socket of waiting) socket.destroy();
  await closed;
}

function holderGone(): { socket: Socket; promise: Promise<void> } {
  const socket = connect(ADDRESS);
  const promise = new Promise<void>((resolve) => {
    // It may be gone already.
    socket.on('error', () => socket.destroy()).on('close', () => resolve());
    socket.resume();
  });
  return { socket, promise };
}
