import type { LocalAddress } from '../../core/io.js';
import type { Pollable, Poller } from '../../host/poller.js';

/** A socket of one local address. */
export interface AddressSocket extends Disposable {
  readonly fd: number;
  readonly local: LocalAddress;
}

export type Warn = (event: string, fields: Record<string, unknown>) => void;

/** How sockets of one kind are opened and served. */
export interface SocketKind<Socket extends AddressSocket> {
  /** Throws when the address gets none. */
  open(local: LocalAddress): Socket;
  /** Whether an error of `open` concerns the address alone; others are passed on. */
  isRefusal(error: unknown): error is Error;
  /** What the log says, once, of an address that gets none. */
  readonly refused: string;
  /** What the poller calls. */
  ready(socket: Socket): Pollable['ready'];
  /** The socket is about to close. */
  detach(socket: Socket): void;
}

/** A socket for each local address, polled; opened and closed as addresses come and go. */
export class SocketsByAddress<Socket extends AddressSocket> implements Disposable {
  private readonly members = new Map<number, { readonly socket: Socket; readonly pollable: Pollable }>();
  /** Addresses whose failure has been reported. */
  private readonly failed = new Set<number>();

  constructor(
    private readonly kind: SocketKind<Socket>,
    private readonly poller: Poller,
    private readonly warn: Warn,
  ) {}

  get(local: number): Socket | undefined {
    return this.members.get(local)?.socket;
  }

  /** Whether an address of the last list was refused a socket. */
  hasFailed(local: number): boolean {
    return this.failed.has(local);
  }

  /** Whether any was. */
  get anyFailed(): boolean {
    return this.failed.size > 0;
  }

  /** Closes the sockets of addresses that are not in the list. */
  keep(locals: readonly LocalAddress[]): void {
    const present = new Set(locals.map(({ id }) => id));
    for (const id of this.members.keys()) if (!present.has(id)) this.close(id);
    for (const id of this.failed) if (!present.has(id)) this.failed.delete(id);
  }

  /** Whether the address has a socket, opened now if it had none. Throws what `isRefusal` does not know. */
  open(local: LocalAddress): boolean {
    if (this.members.has(local.id)) return true;
    const { kind, warn } = this;
    let socket: Socket;
    try {
      socket = kind.open(local);
    } catch (error) {
      if (!kind.isRefusal(error)) throw error;
      if (!this.failed.has(local.id)) {
        warn(kind.refused, { address: local.address, interface: local.interface, reason: error.message });
      }
      this.failed.add(local.id);
      return false;
    }
    const pollable = { fd: socket.fd, ready: kind.ready(socket) };
    this.members.set(local.id, { socket, pollable });
    this.failed.delete(local.id);
    this.poller.add(pollable);
    return true;
  }

  private close(id: number): void {
    const member = this.members.get(id);
    if (member === undefined) return;
    this.members.delete(id);
    this.poller.remove(member.pollable);
    this.kind.detach(member.socket);
    member.socket[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const id of [...this.members.keys()]) this.close(id);
  }
}
