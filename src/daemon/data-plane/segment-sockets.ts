import type { LocalAddress } from '../../core/io.js';
import { monotonicUs } from '../../host/clock.js';
import type { SegmentReceiver, SegmentSink } from '../../host/fake-tcp/segment-receiver.js';
import type { SegmentSender } from '../../host/fake-tcp/segment-sender.js';
import { LinkTypeError, SegmentSocket } from '../../host/fake-tcp/segment-socket.js';
import type { Pollable, Poller } from '../../host/poller.js';
import { SystemError } from '../../host/syscall/system-error.js';
import { SocketsByAddress, type Warn } from './sockets-by-address.js';

export interface SegmentSocketsOptions {
  readonly poller: Poller;
  readonly receiver: SegmentReceiver;
  readonly sender: SegmentSender;
  readonly port: number;
  readonly mark: number;
  readonly warn: Warn;
}

/** What sends and receives the segments of fake TCP connections, one for each local address. An address without one has UDP alone. */
export class SegmentSockets implements Disposable {
  private readonly sockets: SocketsByAddress<SegmentSocket>;
  private sink: SegmentSink | undefined;

  constructor(private readonly options: SegmentSocketsOptions) {
    const { poller, sender, port, mark, warn } = options;
    this.sockets = new SocketsByAddress(
      {
        open: (local) => SegmentSocket.open({ local, port, mark }),
        isRefusal: (error) => error instanceof SystemError || error instanceof LinkTypeError,
        refused: 'an address has no TCP',
        ready: (socket) => this.ready(socket),
        detach: (socket) => sender.detach(socket),
      },
      poller,
      warn,
    );
  }

  /** To whom the sockets deliver; before the first `update`. */
  connect(sink: SegmentSink): void {
    this.sink = sink;
  }

  get(local: number): SegmentSocket | undefined {
    return this.sockets.get(local);
  }

  /** Brings the sockets in line with the list. An address that was refused one is not tried again while it stays. */
  update(locals: readonly LocalAddress[]): void {
    this.sockets.keep(locals);
    for (const local of locals) if (!this.sockets.hasFailed(local.id)) this.sockets.open(local);
  }

  private ready(socket: SegmentSocket): Pollable['ready'] {
    const { receiver } = this.options;
    const { sink } = this;
    if (sink === undefined) throw new Error('segment sockets were opened before they were connected');
    return () => void receiver.receive(socket, sink, monotonicUs);
  }

  [Symbol.dispose](): void {
    this.sockets[Symbol.dispose]();
  }
}
