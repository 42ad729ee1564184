import type { LocalAddress } from '../../core/io.js';
import { monotonicUs } from '../../host/clock.js';
import type { SegmentReceiver, SegmentSink } from '../../host/fake-tcp/segment-receiver.js';
import type { SegmentSender } from '../../host/fake-tcp/segment-sender.js';
import { LinkTypeError, SegmentSocket } from '../../host/fake-tcp/segment-socket.js';
import type { Pollable, Poller } from '../../host/poller.js';
import { SystemError } from '../../host/system-error.js';

export interface SegmentSocketsOptions {
  readonly poller: Poller;
  readonly receiver: SegmentReceiver;
  readonly sender: SegmentSender;
  readonly port: number;
  readonly mark: number;
  readonly warn: (event: string, fields: Record<string, unknown>) => void;
}

interface Member extends Pollable {
  readonly socket: SegmentSocket;
}

/** What sends and receives the segments of fake TCP connections: one socket for each local address. An address without one has UDP alone. */
export class SegmentSockets implements Disposable {
  private readonly members = new Map<number, Member>();
  private sink: SegmentSink | undefined;
  /** Addresses whose failure has been reported. */
  private readonly failed = new Set<number>();

  constructor(private readonly options: SegmentSocketsOptions) {}

  /** To whom the sockets deliver; before the first `update`. */
  connect(sink: SegmentSink): void {
    this.sink = sink;
  }

  get(local: number): SegmentSocket | undefined {
    return this.members.get(local)?.socket;
  }

  /** Brings the sockets in line with the list. */
  update(locals: readonly LocalAddress[]): void {
    const present = new Set(locals.map(({ id }) => id));
    for (const id of this.members.keys()) if (!present.has(id)) this.close(id);
    for (const id of this.failed) if (!present.has(id)) this.failed.delete(id);
    for (const local of locals) {
      if (!this.members.has(local.id) && !this.failed.has(local.id)) this.open(local);
    }
  }

  private open(local: LocalAddress): void {
    const { poller, receiver, port, mark, warn } = this.options;
    const { sink } = this;
    if (sink === undefined) throw new Error('segment sockets were opened before they were connected');
    let socket: SegmentSocket;
    try {
      socket = SegmentSocket.open({ local, port, mark });
    } catch (error) {
      if (!(error instanceof SystemError) && !(error instanceof LinkTypeError)) throw error;
      this.failed.add(local.id);
      warn('an address has no TCP', { address: local.address, interface: local.interface, reason: error.message });
      return;
    }
    const member = {
      socket,
      fd: socket.fd,
      ready: () => void receiver.receive(socket, sink, monotonicUs),
    };
    this.members.set(local.id, member);
    poller.add(member);
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
