/** Sockets of this process inside the nodes of a lab: a socket stays in the namespace that its thread was in when it was made. */
import { createSocket, type Socket as UdpHandle } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, Socket } from 'node:net';
import koffi from 'koffi';
import { inNamespace } from '../../../lab/backend/netns/enter.js';
import type { Lab } from '../../../lab/lab.js';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface Received {
  readonly text: string;
  readonly from: Endpoint;
}

const AF_INET = 2;
const ANY = '0.0.0.0';
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const PATIENCE_MS = 5000;

const library = koffi.load(null);
const socket = library.func('int socket(int, int, int)') as (domain: number, type: number, protocol: number) => number;
const setsockopt = library.func('int setsockopt(int, int, int, void*, uint32_t)') as (
  fd: number,
  level: number,
  option: number,
  value: Buffer,
  bytes: number,
) => number;
const bind = library.func('int bind(int, void*, uint32_t)') as (fd: number, name: Buffer, bytes: number) => number;

export class UdpSocket implements Disposable {
  readonly received: Received[] = [];
  readonly #handle: UdpHandle;

  private constructor(
    handle: UdpHandle,
    readonly port: number,
  ) {
    this.#handle = handle;
    handle.on('message', (data, { address, port: from }) => {
      this.received.push({ text: data.toString(), from: { address, port: from } });
    });
    // ICMP errors of datagrams that nobody took.
    handle.on('error', () => {});
  }

  static async open(lab: Lab, node: string, port: number): Promise<UdpSocket> {
    const fd = boundSocket(lab, node, SOCK_DGRAM, { address: ANY, port });
    const handle = createSocket('udp4');
    await new Promise<void>((resolve) => handle.bind({ fd }, resolve));
    return new UdpSocket(handle, port);
  }

  send(text: string, to: Endpoint): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#handle.send(text, to.port, to.address, (error) => (error ? reject(error) : resolve())),
    );
  }

  /** The first datagram with a text, sent already or still to come. Rejects after 5 s. */
  async gets(text: string): Promise<Received> {
    const timeout = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const found = this.received.find((own) => own.text === text);
      if (found) return found;
      await once(this.#handle, 'message', { signal: timeout }).catch(() => {
        throw new Error(`no datagram ${JSON.stringify(text)} came to port ${this.port}`);
      });
    }
  }

  [Symbol.dispose](): void {
    this.#handle.close();
  }
}

/** Accepts whatever comes, and tells from where. */
export class TcpListener implements Disposable {
  readonly accepted: Endpoint[] = [];
  readonly #server: Server;
  readonly #connections = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (connection) => {
      this.#connections.add(connection);
      this.accepted.push({ address: connection.remoteAddress ?? '', port: connection.remotePort ?? 0 });
      connection.on('error', () => {}).resume();
    });
  }

  static async open(lab: Lab, node: string, port: number): Promise<TcpListener> {
    const server = createServer();
    server.listen({ fd: boundSocket(lab, node, SOCK_STREAM, { address: ANY, port }) });
    await once(server, 'listening');
    return new TcpListener(server);
  }

  /** Where the last connection came from; waits for one when there is none. */
  async last(count: number): Promise<Endpoint> {
    const timeout = AbortSignal.timeout(PATIENCE_MS);
    while (this.accepted.length < count) await once(this.#server, 'connection', { signal: timeout });
    return this.accepted[count - 1] as Endpoint;
  }

  [Symbol.dispose](): void {
    for (const connection of this.#connections) connection.destroy();
    this.#server.close();
  }
}

export class TcpConnection implements Disposable {
  /** How the attempt ended: "connected", or the code of its error. */
  readonly outcome: Promise<string>;
  settled: string | undefined;
  readonly #socket: Socket;

  /** The SYN is on its way when this returns. */
  constructor(lab: Lab, node: string, port: number, to: Endpoint, source?: string) {
    this.#socket = new Socket({ fd: boundSocket(lab, node, SOCK_STREAM, { address: source ?? ANY, port }) });
    this.outcome = new Promise((resolve) => {
      const settle = (outcome: string): void => {
        this.settled ??= outcome;
        resolve(outcome);
      };
      this.#socket.once('connect', () => settle('connected'));
      this.#socket.on('error', (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
    });
    this.#socket.connect(to.port, to.address);
    this.#socket.resume();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

function boundSocket(lab: Lab, node: string, type: number, { address, port }: Endpoint): number {
  // struct sockaddr_in
  const name = Buffer.alloc(16);
  name.writeUInt16LE(AF_INET, 0);
  name.writeUInt16BE(port, 2);
  name.set(address.split('.').map(Number), 4);
  const one = Buffer.alloc(4);
  one.writeInt32LE(1);
  return inNamespace(`${lab.name}-${node}`, () => {
    const fd = socket(AF_INET, type, 0);
    if (fd < 0) throw new Error(`socket failed with errno ${koffi.errno()}`);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, one, one.length) !== 0 || bind(fd, name, name.length) !== 0) {
      throw new Error(`bind to ${address} port ${port} in ${node} failed with errno ${koffi.errno()}`);
    }
    return fd;
  });
}
