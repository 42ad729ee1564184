/** Signalling of a call through the orchestrator: what one side sends, the other gets. A socket in the file system, which namespaces share. */

import { rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';

export class Signalling implements AsyncDisposable {
  private readonly sides: Socket[] = [];

  private constructor(
    /** Path of the socket that both sides connect to. */
    readonly path: string,
    private readonly server: Server,
  ) {
    server.on('connection', (side) => this.join(side));
  }

  static async listen(path: string): Promise<Signalling> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    return new Signalling(path, server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const side of this.sides) side.destroy();
    await new Promise((resolve) => this.server.close(resolve));
    await rm(this.path, { force: true });
  }

  private join(side: Socket): void {
    const [other] = this.sides;
    this.sides.push(side);
    // A side that is gone shows in its own result.
    side.on('error', () => {});
    if (other === undefined) return;
    other.pipe(side);
    side.pipe(other);
  }
}
