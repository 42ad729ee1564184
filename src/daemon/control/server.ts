import { chmod, lstat, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { ControlConnection, type ControlSource } from './connection.js';

/** More clients at once than any use of the socket needs. */
const MAX_CLIENTS = 64;

/** The control socket cannot be made. */
export class ControlServerError extends Error {
  readonly code = 'E_CONTROL_SOCKET';
  override readonly name = 'ControlServerError';

  constructor(
    readonly socketPath: string,
    cause: unknown,
  ) {
    super(`cannot listen on ${socketPath}: ${(cause as Error).message}`, { cause });
  }
}

/** Answers control requests until it is closed. */
export class ControlServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #connections: Set<ControlConnection>;
  #closed: Promise<void> | undefined;

  private constructor(server: Server, connections: Set<ControlConnection>) {
    this.#server = server;
    this.#connections = connections;
  }

  /**
   * Listens on a socket that only its owner may use; that of a dead daemon is replaced.
   * Throws ControlServerError when it cannot be made. The caller holds the StateLock of the directory.
   */
  static async start(socketPath: string, source: ControlSource): Promise<ControlServer> {
    const connections = new Set<ControlConnection>();
    const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
      const connection = new ControlConnection(socket, source, connections.size >= MAX_CLIENTS);
      connections.add(connection);
      socket.once('close', () => connections.delete(connection));
    });
    try {
      await listenOrReplace(server, socketPath);
      await chmod(socketPath, 0o600);
    } catch (error) {
      server.close();
      throw new ControlServerError(socketPath, error);
    }
    // A failing accept (out of descriptors) concerns one client, not the daemon.
    server.on('error', () => {});
    return new ControlServer(server, connections);
  }

  /** Drops all clients and removes the socket. Idempotent. */
  async close(): Promise<void> {
    this.#closed ??= this.#stop();
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #stop(): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.destroy();
    // Closing has removed the socket from the file system.
    await stopped;
  }
}

/** The state directory belongs to this process (StateLock), so a socket in it is a dead daemon's, unless it is used in another way. */
async function listenOrReplace(server: Server, socketPath: string): Promise<void> {
  const old = await lstat(socketPath).catch(() => undefined);
  if (old) {
    if (!old.isSocket()) throw new Error('there is a file that is not a socket');
    if (await answers(socketPath)) throw new Error('another process answers there');
    await unlink(socketPath);
  }
  await listen(server, socketPath);
}

function listen(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(error);
    server.once('error', fail);
    // The socket is bound within this call, so that no other user can connect before its mode is set.
    const umask = process.umask(0o177);
    try {
      server.listen(socketPath, () => {
        server.off('error', fail);
        resolve();
      });
    } finally {
      process.umask(umask);
    }
  });
}

/** Whether a process listens; one whose queue of connections is full does. */
function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else if (error.code === 'EAGAIN') resolve(true);
      else reject(error);
    });
  });
}
