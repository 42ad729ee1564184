import { GatherBatch } from '../../../src/core/batch.js';
import type { Address, Endpoint, LocalAddress, Source } from '../../../src/core/io.js';
import { SlotPool } from '../../../src/core/slots.js';
import { Arena } from '../../../src/host/arena.js';
import { SegmentSender } from '../../../src/host/fake-tcp/segment-sender.js';
import { IoCounters } from '../../../src/host/io-counters.js';
import { Poller } from '../../../src/host/poller.js';
import { POLLERR, POLLIN } from '../../../src/host/syscall/constants.js';
import { ErrorQueue } from '../../../src/host/wire/error-queue.js';
import { WireReceiver } from '../../../src/host/wire/wire-receiver.js';
import { WireSender } from '../../../src/host/wire/wire-sender.js';
import { WireSocket } from '../../../src/host/wire/wire-socket.js';
import type { TestNamespace } from '../steering/namespace.js';

const SLOT_BYTES = 65_536;
const WAIT_US = 5_000_000;

export interface ReceivedMessage {
  readonly bytes: Buffer;
  readonly segmentBytes: number;
  readonly local: number;
  readonly from: Endpoint;
}

/** Wrapper sockets of one namespace, with all that the loop would hold. */
export class Wire implements Disposable {
  readonly arena: Arena;
  readonly counters = new IoCounters();
  readonly slots: SlotPool;
  readonly batch = new GatherBatch(64, 4096);
  readonly sender: WireSender;
  readonly received: ReceivedMessage[] = [];
  readonly unreachable: Endpoint[] = [];
  readonly tooLong: { remote: Address; mtu: number }[] = [];
  /** Slots that the sink keeps, as a reorder buffer would. */
  keepSlots = false;
  readonly kept: number[] = [];
  private readonly receiver: WireReceiver;
  private readonly errorQueue: ErrorQueue;
  private readonly poller: Poller;
  /** What the receiver asks for the time. */
  clock = (): number => 0;

  private readonly sockets: WireSocket[] = [];
  private readonly payload: number;

  constructor(
    private readonly namespace: TestNamespace,
    slots = 32,
  ) {
    this.arena = Arena.allocate((slots + 20) * SLOT_BYTES);
    const { memory } = this.arena;
    this.slots = new SlotPool(memory, slots, SLOT_BYTES);
    this.sender = new WireSender(this.arena, this.counters, new SegmentSender(this.arena, this.counters));
    this.receiver = new WireReceiver(this.arena, this.slots, this.counters);
    this.errorQueue = new ErrorQueue(this.arena);
    this.poller = new Poller(this.arena);
    this.payload = memory.allocate(SLOT_BYTES);
  }

  /** On the loopback device; the first one is local address 1. */
  open(address: Address, port: number): WireSocket {
    const id = this.sockets.length + 1;
    return this.openAt({ id, address, interface: 'lo', interfaceIndex: 1, mtu: 65_536 }, port);
  }

  openAt(local: LocalAddress, port: number): WireSocket {
    const socket = this.namespace.inside(() => WireSocket.open({ local, port, mark: 7 }));
    this.sockets.push(socket);
    this.poller.add({ fd: socket.fd, ready: (events) => this.ready(socket, events) });
    return socket;
  }

  /** Adds a message to the batch, gathered from pieces of these lengths. Returns its bytes. */
  message(route: number, segmentBytes: number, pieces: readonly number[]): Buffer {
    const { bytes } = this.arena.memory;
    let at = this.payload;
    this.batch.begin(route, segmentBytes);
    for (const length of pieces) {
      for (let i = 0; i < length; i++) bytes[at + i] = (at + i) * 31 + ((at + i) >>> 8);
      this.batch.piece(at, length);
      at += length;
    }
    this.batch.end();
    return Buffer.from(bytes.slice(this.payload, at));
  }

  send(): void {
    this.sender.send(this.batch);
  }

  /** Serves the sockets until `enough`, or throws. */
  serveUntil(enough: () => boolean): void {
    while (!enough()) {
      if (this.poller.wait(WAIT_US) === 0) throw new Error(`nothing more came: ${JSON.stringify(this.counters)}`);
      this.poller.dispatch(0);
    }
  }

  /** Whether anything waits: a message or an error. */
  get isQuiet(): boolean {
    return this.poller.wait(0) === 0;
  }

  private ready(socket: WireSocket, events: number): void {
    if ((events & POLLERR) !== 0) {
      this.errorQueue.drain(socket.fd, {
        unreachable: (remote) => this.unreachable.push(remote),
        tooLong: (remote, mtu) => this.tooLong.push({ remote, mtu }),
      });
    }
    if ((events & POLLIN) !== 0) this.receiver.receive(socket, this, () => this.clock());
  }

  fromWire(slot: number, offset: number, bytes: number, segmentBytes: number, local: number, source: Source): void {
    const copy = Buffer.from(this.arena.memory.bytes.slice(offset, offset + bytes));
    this.received.push({ bytes: copy, segmentBytes, local, from: source.endpoint() });
    if (!this.keepSlots) return;
    this.slots.retain(slot);
    this.kept.push(slot);
  }

  [Symbol.dispose](): void {
    for (const socket of this.sockets) socket[Symbol.dispose]();
    this.arena[Symbol.dispose]();
  }
}
