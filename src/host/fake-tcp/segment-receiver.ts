import type { SlotPool } from '../../core/slots.js';
import { fold, pseudoHeaderSum } from '../../core/wire/checksum.js';
import { field as ipv4 } from '../../core/wire/ipv4.js';
import { HEADER_BYTES as IPV6_BYTES, field as ipv6 } from '../../core/wire/ipv6.js';
import { PROTOCOL_TCP } from '../../core/wire/tcp.js';
import type { Arena } from '../arena.js';
import type { IoCounters } from '../io-counters.js';
import { EAGAIN, MSG_DONTWAIT, MSG_TRUNC } from '../syscall/constants.js';
import { IOVEC_BYTES, IoVectors } from '../syscall/iovec.js';
import { errno, recv, recvmmsg } from '../syscall/libc.js';
import { MMSGHDR_BYTES, mmsghdr, msghdr } from '../syscall/message-header.js';
import { ArmedSlots } from '../wire/armed-slots.js';
import type { SegmentSocket } from './segment-socket.js';
import { wordSum } from './word-sum.js';

/** Frames a call. */
const FRAMES = 16;
/** struct virtio_net_hdr in the machine's order. */
const VNET_BYTES = 10;
const vnet = { FLAGS: 0, SEGMENT_TYPE: 1, SEGMENT_BYTES: 4 } as const;
/** VIRTIO_NET_HDR_F_NEEDS_CSUM: never left this machine; VIRTIO_NET_HDR_F_DATA_VALID: the device or the kernel has looked. */
const CHECKSUM_KNOWN = 1 | 2;
/** Room for it and for a link header. */
const PREFIX_BYTES = 64;

/** Where received segments go; `Node.fromTcp` is one. The slot is given up after the call unless it was retained. */
export type SegmentSink = (
  slot: number,
  offset: number,
  bytes: number,
  segmentBytes: number,
  local: number,
  now: number,
) => void;

/** Receives the segments of fake TCP connections, each frame's IP packet into a slot of its own. One receiver serves all sockets of a thread. */
export class SegmentReceiver {
  private readonly headers: number;
  private readonly prefixes: number;
  private readonly vectors: IoVectors;
  private readonly armed: ArmedSlots;

  constructor(
    private readonly arena: Arena,
    private readonly slots: SlotPool,
    private readonly counters: IoCounters,
  ) {
    const { memory } = arena;
    this.armed = new ArmedSlots(slots, FRAMES);
    this.headers = memory.allocate(FRAMES * MMSGHDR_BYTES);
    this.prefixes = memory.allocate(FRAMES * PREFIX_BYTES);
    this.vectors = new IoVectors(arena, 2 * FRAMES);
    for (let i = 0; i < FRAMES; i++) {
      const header = this.headers + i * MMSGHDR_BYTES;
      arena.setPointer(header + msghdr.vectors, this.vectors.offset + 2 * i * IOVEC_BYTES);
      arena.u32[(header + msghdr.vectorCount) >>> 2] = 2;
    }
  }

  /** One call's worth of frames. Returns how many; 0 when nothing waits. The clock (us) is read when they are there, as by WireReceiver. */
  receive(socket: SegmentSocket, sink: SegmentSink, clock: () => number): number {
    this.arm(VNET_BYTES + socket.linkBytes);
    if (this.armed.count === 0) return this.discardOne(socket);
    const count = recvmmsg(socket.fd, this.arena.address + this.headers, this.armed.count, MSG_DONTWAIT);
    if (count < 0) {
      // ENETDOWN, when the interface goes: netlink tells more.
      if (errno() !== EAGAIN) this.counters.wireReceiveErrors++;
      return 0;
    }
    const now = clock();
    for (let i = 0; i < count; i++) this.deliver(i, socket, sink, now);
    this.counters.wireReceivedMessages += count;
    this.armed.keepUnused(count);
    return count;
  }

  private deliver(i: number, { linkBytes, local }: SegmentSocket, sink: SegmentSink, now: number): void {
    const { counters, slots, arena } = this;
    const { u32 } = arena;
    const header = this.headers + i * MMSGHDR_BYTES;
    const bytes = u32[(header + mmsghdr.bytes) >>> 2] - VNET_BYTES - linkBytes;
    const slot = this.armed.slots[i];
    const at = slots.offset(slot);
    if ((u32[(header + msghdr.flags) >>> 2] & MSG_TRUNC) !== 0 || bytes <= 0) {
      counters.wireReceiveTruncated++;
    } else if (!this.isIntact(i, at, bytes)) {
      counters.wireReceiveDamaged++;
    } else {
      counters.wireReceivedBytes += bytes;
      sink(slot, at, bytes, this.segmentBytes(i), local.id, now);
    }
    slots.release(slot);
  }

  private segmentBytes(i: number): number {
    const { bytes: b } = this.arena.memory;
    const prefix = this.prefixes + i * PREFIX_BYTES;
    if (b[prefix + vnet.SEGMENT_TYPE] === 0) return 0;
    return b[prefix + vnet.SEGMENT_BYTES] | (b[prefix + vnet.SEGMENT_BYTES + 1] << 8);
  }

  /** The packet socket sees segments before the kernel has checked them. */
  private isIntact(i: number, at: number, bytes: number): boolean {
    const { bytes: b } = this.arena.memory;
    if ((b[this.prefixes + i * PREFIX_BYTES + vnet.FLAGS] & CHECKSUM_KNOWN) !== 0) return true;
    const version = b[at] >>> 4;
    const isIpv6 = version === 6;
    const headerBytes = isIpv6 ? IPV6_BYTES : (b[at] & 0x0f) << 2;
    const field = at + (isIpv6 ? ipv6.payloadBytes : ipv4.totalBytes);
    const said = (b[field] << 8) | b[field + 1];
    const transportBytes = isIpv6 ? said : said - headerBytes;
    if (transportBytes <= 0 || headerBytes + transportBytes > bytes) return false;
    const sum = pseudoHeaderSum(b, at, version, PROTOCOL_TCP, transportBytes);
    return fold(sum + wordSum(b, this.arena.u32, at + headerBytes, transportBytes)) === 0xffff;
  }

  /** Gives every message header a slot, as far as there are free ones; the prefix is of the socket's length. */
  private arm(prefixBytes: number): void {
    this.armed.fill();
    const { slots, count } = this.armed;
    for (let i = 0; i < count; i++) {
      this.vectors.set(2 * i, this.prefixes + i * PREFIX_BYTES, prefixBytes);
      this.vectors.set(2 * i + 1, this.slots.offset(slots[i]), this.slots.slotBytes);
    }
  }

  /** All slots are held: the oldest frame goes, or the loop would spin on it. */
  private discardOne(socket: SegmentSocket): number {
    if (recv(socket.fd, this.arena.address + this.prefixes, PREFIX_BYTES, MSG_DONTWAIT) < 0) return 0;
    this.counters.wireReceiveNoSlot++;
    return 1;
  }
}
