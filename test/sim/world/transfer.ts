import type { Host } from './host.js';
import type { Endpoint } from './packet.js';
import { type TcpSide, TcpSocket } from './tcp.js';

export interface TransferOptions {
  readonly client: Host;
  readonly server: Host;
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** Where the server listens, if a NAT forwards to another address. */
  readonly listen?: Endpoint;
  /** Bytes from the client to the server, and back. */
  readonly upload: number;
  readonly download?: number;
  readonly seed: number;
  readonly window?: number;
  readonly timestamps?: boolean;
}

/** One TCP connection between two applications, both ends of it under watch. */
export class Transfer {
  readonly clientSocket: TcpSocket;
  serverSocket: TcpSocket | null = null;

  constructor(readonly options: TransferOptions) {
    const { client, server, from, to, listen = to, window, timestamps } = options;
    const up: TcpSide = { length: options.upload, seed: options.seed * 2 + 1 };
    const down: TcpSide = { length: options.download ?? 0, seed: options.seed * 2 + 2 };
    const shared = { ...(window === undefined ? {} : { window }), ...(timestamps === undefined ? {} : { timestamps }) };
    // The first one to connect is the client, whatever a NAT has made of its address.
    server.listenTcp(listen, (syn) => {
      this.serverSocket ??= new TcpSocket(server, listen, syn.source, { ...shared, send: down, receive: up }, syn);
    });
    this.clientSocket = new TcpSocket(client, from, to, { ...shared, send: up, receive: down }, null);
  }

  get done(): boolean {
    return this.clientSocket.done && this.serverSocket?.done === true;
  }

  /** Segments that came through the TUN devices, both directions. */
  get throughTun(): number {
    return this.clientSocket.arrivals.tun + (this.serverSocket?.arrivals.tun ?? 0);
  }

  /** Differences between what was sent and what arrived, as text; empty when there are none. */
  faults(): string[] {
    const found: string[] = [];
    for (const [end, socket, expected] of [
      ['client', this.clientSocket, this.options.download ?? 0],
      ['server', this.serverSocket, this.options.upload],
    ] as const) {
      if (socket === null) found.push(`${end}: no connection`);
      else if (socket.state === 'reset') found.push(`${end}: reset`);
      else if (socket.corruptAt !== null) found.push(`${end}: foreign bytes at ${socket.corruptAt}`);
      else if (socket.received !== expected || !socket.done)
        found.push(`${end}: ${socket.received} of ${expected} bytes`);
    }
    return found;
  }
}
