import type { Endpoint, Source } from '../../core/io.js';
import type { SlotPool } from '../../core/slots.js';
import type { Arena } from '../arena.js';
import type { IoCounters } from '../io-counters.js';
import { EAGAIN, MSG_DONTWAIT, MSG_TRUNC, SOL_UDP, UDP_GRO } from '../syscall/constants.js';
import { IOVEC_BYTES, IoVectors } from '../syscall/iovec.js';
import { errno, recv, recvmmsg } from '../syscall/libc.js';
import { controlSpace, findControl, MMSGHDR_BYTES, mmsghdr, msghdr } from '../syscall/message-header.js';
import { readSocketAddress, SOCKADDR_BYTES, socketAddressHash } from '../syscall/socket-address.js';
import { ArmedSlots } from './armed-slots.js';
import type { WireSocket } from './wire-socket.js';

/** Messages a call: 8 beat 1 and 2 (measured). */
const MESSAGES = 8;
const CONTROL_BYTES = controlSpace(4);

/** Where received messages go; `Node` is one. The slot is given up after the call unless it was retained. */
export interface WireSink {
  fromWire(
    slot: number,
    offset: number,
    bytes: number,
    segmentBytes: number,
    local: number,
    source: Source,
    now: number,
  ): void;
}

class MessageSource implements Source {
  constructor(
    private readonly bytes: Uint8Array,
    private readonly at: number,
  ) {}

  endpoint(): Endpoint {
    return readSocketAddress(this.bytes, this.at);
  }

  fingerprint(): number {
    return socketAddressHash(this.bytes, this.at);
  }
}

/** Receives from wrapper sockets, each message into a slot of its own. One receiver serves all sockets of a thread. */
export class WireReceiver {
  private readonly headers: number;
  private readonly controls: number;
  private readonly vectors: IoVectors;
  private readonly sources: readonly Source[];
  private readonly armed: ArmedSlots;

  constructor(
    private readonly arena: Arena,
    private readonly slots: SlotPool,
    private readonly counters: IoCounters,
  ) {
    const { memory } = arena;
    this.armed = new ArmedSlots(slots, MESSAGES);
    this.headers = memory.allocate(MESSAGES * MMSGHDR_BYTES);
    this.controls = memory.allocate(MESSAGES * CONTROL_BYTES);
    this.vectors = new IoVectors(arena, MESSAGES);
    const names = memory.allocate(MESSAGES * SOCKADDR_BYTES);
    this.sources = Array.from(
      { length: MESSAGES },
      (_, i) => new MessageSource(memory.bytes, names + i * SOCKADDR_BYTES),
    );
    for (let i = 0; i < MESSAGES; i++) {
      const header = this.headers + i * MMSGHDR_BYTES;
      arena.setPointer(header + msghdr.name, names + i * SOCKADDR_BYTES);
      arena.setPointer(header + msghdr.vectors, this.vectors.offset + i * IOVEC_BYTES);
      arena.u32[(header + msghdr.vectorCount) >>> 2] = 1;
      arena.setPointer(header + msghdr.control, this.controls + i * CONTROL_BYTES);
      this.resetHeader(i);
    }
  }

  /**
   * One call's worth of messages. Returns how many; 0 when nothing waits. Errors of the socket are counted: they concern datagrams sent. The
   * clock (us) is read when they are there: a time from before would make a delay shorter than any packet can be, and a minimum keeps that.
   */
  receive(socket: WireSocket, sink: WireSink, clock: () => number): number {
    this.layOut(this.armed.fill());
    if (this.armed.count === 0) return this.discardOne(socket);
    const count = recvmmsg(socket.fd, this.arena.address + this.headers, this.armed.count, MSG_DONTWAIT);
    if (count < 0) {
      if (errno() !== EAGAIN) this.counters.wireReceiveErrors++;
      return 0;
    }
    const { counters } = this;
    const now = clock();
    for (let i = 0; i < count; i++) this.deliver(i, socket.local.id, sink, now);
    counters.wireReceivedMessages += count;
    this.armed.keepUnused(count);
    this.layOut(0);
    return count;
  }

  private deliver(i: number, local: number, sink: WireSink, now: number): void {
    const { u32 } = this.arena;
    const header = this.headers + i * MMSGHDR_BYTES;
    const bytes = u32[(header + mmsghdr.bytes) >>> 2];
    const slot = this.armed.slots[i];
    if ((u32[(header + msghdr.flags) >>> 2] & MSG_TRUNC) !== 0) {
      this.counters.wireReceiveTruncated++;
    } else {
      this.counters.wireReceivedBytes += bytes;
      const controlBytes = u32[(header + msghdr.controlBytes) >>> 2];
      const control = findControl(u32, this.controls + i * CONTROL_BYTES, controlBytes, SOL_UDP, UDP_GRO);
      const segmentBytes = control < 0 ? 0 : u32[control >>> 2];
      const { slots } = this;
      sink.fromWire(
        slot,
        slots.offset(slot),
        bytes,
        segmentBytes < bytes ? segmentBytes : 0,
        local,
        this.sources[i],
        now,
      );
    }
    this.slots.release(slot);
    this.resetHeader(i);
  }

  /** Points the message headers from `first` on to their slots. */
  private layOut(first: number): void {
    const { slots, count } = this.armed;
    for (let i = first; i < count; i++) this.vectors.set(i, this.slots.offset(slots[i]), this.slots.slotBytes);
  }

  /** All slots are held: the oldest message goes, or the loop would spin on it. One byte of it is copied. */
  private discardOne(socket: WireSocket): number {
    if (recv(socket.fd, this.arena.address + this.controls, 1, MSG_DONTWAIT) < 0) return 0;
    this.counters.wireReceiveNoSlot++;
    return 1;
  }

  /** The kernel wrote lengths over what was asked for. */
  private resetHeader(i: number): void {
    const { u32 } = this.arena;
    const header = this.headers + i * MMSGHDR_BYTES;
    u32[(header + msghdr.nameBytes) >>> 2] = SOCKADDR_BYTES;
    u32[(header + msghdr.controlBytes) >>> 2] = CONTROL_BYTES;
  }
}
