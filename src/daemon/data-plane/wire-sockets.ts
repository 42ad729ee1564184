import type { Address, Endpoint, LocalAddress } from '../../core/io.js';
import type { Arena } from '../../host/arena.js';
import { monotonicUs } from '../../host/clock.js';
import type { Pollable, Poller } from '../../host/poller.js';
import { POLLERR, POLLIN } from '../../host/syscall/constants.js';
import { SystemError } from '../../host/syscall/system-error.js';
import { ErrorQueue } from '../../host/wire/error-queue.js';
import type { WireReceiver, WireSink } from '../../host/wire/wire-receiver.js';
import type { WireSender } from '../../host/wire/wire-sender.js';
import { WireSocket } from '../../host/wire/wire-socket.js';
import { SocketsByAddress, type Warn } from './sockets-by-address.js';

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
  readonly warn: Warn;
}

/** The wrapper sockets, one for each local address. An address without one is of no use; it is tried again at each update. */
export class WireSockets implements Disposable {
  private readonly sockets: SocketsByAddress<WireSocket>;
  private readonly errorQueue: ErrorQueue;
  private events: WireEvents | undefined;

  constructor(private readonly options: WireSocketsOptions) {
    const { poller, sender, port, mark, warn } = options;
    this.errorQueue = new ErrorQueue(options.arena);
    this.sockets = new SocketsByAddress(
      {
        open: (local) => WireSocket.open({ local, port, mark }),
        isRefusal: (error) => error instanceof SystemError,
        refused: 'no wrapper socket for an address',
        ready: (socket) => this.ready(socket),
        detach: (socket) => sender.detach(socket),
      },
      poller,
      warn,
    );
  }

  /** To whom the sockets deliver; before the first `update`. */
  connect(events: WireEvents): void {
    this.events = events;
  }

  get(local: number): WireSocket | undefined {
    return this.sockets.get(local);
  }

  /** Brings the sockets in line with the list. Returns the addresses that have one. */
  update(locals: readonly LocalAddress[]): LocalAddress[] {
    this.sockets.keep(locals);
    return locals.filter((local) => this.sockets.open(local));
  }

  /** Whether every address of the last `update` got its socket. */
  get isComplete(): boolean {
    return !this.sockets.anyFailed;
  }

  private ready(socket: WireSocket): Pollable['ready'] {
    const { receiver } = this.options;
    const { errorQueue, events } = this;
    const { local } = socket;
    if (events === undefined) throw new Error('wrapper sockets were opened before they were connected');
    return (bits) => {
      if ((bits & POLLERR) !== 0) {
        const now = monotonicUs();
        errorQueue.drain(socket.fd, {
          unreachable: (remote) => events.unreachable(local.id, remote, now),
          tooLong: (remote, mtu) => events.tooLong(local.id, remote, mtu, now),
        });
      }
      if ((bits & POLLIN) !== 0) receiver.receive(socket, events, monotonicUs);
    };
  }

  [Symbol.dispose](): void {
    this.sockets[Symbol.dispose]();
  }
}
