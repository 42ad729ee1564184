import type { Address, Endpoint, LocalAddress } from '../../core/io.js';
import type { Arena } from '../../host/arena.js';
import { monotonicUs } from '../../host/clock.js';
import { POLLERR, POLLIN } from '../../host/constants.js';
import { ErrorQueue } from '../../host/error-queue.js';
import type { Pollable, Poller } from '../../host/poller.js';
import { SystemError } from '../../host/system-error.js';
import type { WireReceiver, WireSink } from '../../host/wire-receiver.js';
import type { WireSender } from '../../host/wire-sender.js';
import { WireSocket } from '../../host/wire-socket.js';

export interface WireEvents extends WireSink {
  unreachable(local: number, remote: Endpoint, now: number): void;
  tooLong(local: number, remote: Address, mtu: number, now: number): void;
}

export interface WireSocketsOptions {
  readonly arena: Arena;
  readonly poller: Poller;
  readonly receiver: WireReceiver;
  readonly sender: WireSender;
  readonly port: number;
  readonly mark: number;
  readonly warn: (event: string, fields: Record<string, unknown>) => void;
}

interface Member extends Pollable {
  readonly socket: WireSocket;
}

/** The wrapper sockets: one for each local address, opened and closed as addresses come and go. */
export class WireSockets implements Disposable {
  private readonly members = new Map<number, Member>();
  private readonly errorQueue: ErrorQueue;
  private events: WireEvents | undefined;
  /** Addresses whose failure has been reported. */
  private readonly failed = new Set<number>();

  constructor(private readonly options: WireSocketsOptions) {
    this.errorQueue = new ErrorQueue(options.arena);
  }

  /** To whom the sockets deliver; before the first `update`. */
  connect(events: WireEvents): void {
    this.events = events;
  }

  get(local: number): WireSocket | undefined {
    return this.members.get(local)?.socket;
  }

  /** Brings the sockets in line with the list. Returns the addresses that have one. */
  update(locals: readonly LocalAddress[]): LocalAddress[] {
    const present = new Set(locals.map(({ id }) => id));
    for (const id of this.members.keys()) {
      if (!present.has(id)) this.close(id);
    }
    for (const id of this.failed) {
      if (!present.has(id)) this.failed.delete(id);
    }
    return locals.filter((local) => this.members.has(local.id) || this.open(local));
  }

  /** Whether every address of the last `update` got its socket. */
  get isComplete(): boolean {
    return this.failed.size === 0;
  }

  private open(local: LocalAddress): boolean {
    const { poller, port, mark, warn } = this.options;
    let socket: WireSocket;
    try {
      socket = WireSocket.open({ local, port, mark });
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      if (!this.failed.has(local.id)) {
        warn('no wrapper socket for an address', {
          address: local.address,
          interface: local.interface,
          reason: error.message,
        });
      }
      this.failed.add(local.id);
      return false;
    }
    const member = this.member(socket);
    this.members.set(local.id, member);
    this.failed.delete(local.id);
    poller.add(member);
    return true;
  }

  private member(socket: WireSocket): Member {
    const { receiver } = this.options;
    const { errorQueue, events } = this;
    const { local } = socket;
    if (events === undefined) throw new Error('wrapper sockets were opened before they were connected');
    return {
      socket,
      fd: socket.fd,
      ready: (bits) => {
        if ((bits & POLLERR) !== 0) {
          const now = monotonicUs();
          errorQueue.drain(socket.fd, {
            unreachable: (remote) => events.unreachable(local.id, remote, now),
            tooLong: (remote, mtu) => events.tooLong(local.id, remote, mtu, now),
          });
        }
        if ((bits & POLLIN) !== 0) receiver.receive(socket, events, monotonicUs);
      },
    };
  }

  private close(id: number): void {
    const member = this.members.get(id);
    if (member === undefined) return;
    this.members.delete(id);
    this.options.poller.remove(member);
    this.options.sender.detach(member.socket);
    member.socket[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const id of [...this.members.keys()]) this.close(id);
  }
}
