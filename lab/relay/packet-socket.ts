/** A socket that takes all frames off an interface and puts frames onto it, many in a call. */

import type { Arena } from '../../src/host/arena.js';
import { monotonicUs } from '../../src/host/clock.js';
import {
  AF_PACKET,
  CLOCK_REALTIME,
  EAGAIN,
  EINTR,
  ENETDOWN,
  ENOBUFS,
  ETH_P_ALL,
  MSG_DONTWAIT,
  MSG_TRUNC,
  PACKET_IGNORE_OUTGOING,
  PACKET_QDISC_BYPASS,
  PACKET_STATISTICS,
  SO_RCVBUFFORCE,
  SO_SNDBUFFORCE,
  SO_TIMESTAMPNS,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_PACKET,
  SOL_SOCKET,
} from '../../src/host/syscall/constants.js';
import { IOVEC_BYTES, IoVectors } from '../../src/host/syscall/iovec.js';
import {
  bind,
  check,
  clockGettime,
  close,
  errno,
  getsockopt,
  recvmmsg,
  sendmmsg,
  socket,
} from '../../src/host/syscall/libc.js';
import { controlSpace, findControl, MMSGHDR_BYTES, mmsghdr, msghdr } from '../../src/host/syscall/message-header.js';
import { setIntegerOption, tryIntegerOption } from '../../src/host/syscall/socket-setup.js';
import { SystemError } from '../../src/host/syscall/system-error.js';
import type { PacketQueue } from '../emulation/packet-queue.js';
import type { Slots } from '../emulation/slots.js';

/** Messages a call. */
export const FULL_BATCH = 64;
const BATCH = FULL_BATCH;
const TIMESPEC_BYTES = 16;
const CONTROL_BYTES = controlSpace(TIMESPEC_BYTES);
/** struct sockaddr_ll: family, protocol (network order), interface index; 20 bytes. */
const SOCKADDR_LL_BYTES = 20;
/** 100 ms of 1 Gbit/s with the kernel's bookkeeping. */
const BUFFER_BYTES = 32 << 20;
/** A time stamp that is older than this, or in the future, is a clock that was set. */
const AGE_MAX_US = 1e6;
/** Between two clocks that were read one after the other may lie so much; after that many readings the closest counts. */
const CLOCKS_APART_US = 10;
const CLOCK_READINGS = 5;

/** Memory that all sockets of one thread share: they are used one at a time. */
export class PacketMemory {
  readonly receiveHeaders: number;
  readonly sendHeaders: number;
  readonly receiveVectors: IoVectors;
  readonly sendVectors: IoVectors;
  readonly control: number;
  readonly scratch: number;
  /** Where frames go that there is no slot for. */
  readonly spill: number;

  /** Slots lie at `slotsAt` in the arena, `slotBytes` each. */
  constructor(
    readonly arena: Arena,
    readonly slots: Slots,
    readonly slotsAt: number,
    readonly slotBytes: number,
  ) {
    const { memory } = arena;
    this.receiveHeaders = memory.allocate(BATCH * MMSGHDR_BYTES);
    this.sendHeaders = memory.allocate(BATCH * MMSGHDR_BYTES);
    this.receiveVectors = new IoVectors(arena, BATCH);
    this.sendVectors = new IoVectors(arena, BATCH);
    this.control = memory.allocate(BATCH * CONTROL_BYTES);
    this.scratch = memory.allocate(64);
    this.spill = memory.allocate(slotBytes);
    for (let i = 0; i < BATCH; i++) {
      const receive = this.receiveHeaders + i * MMSGHDR_BYTES;
      arena.setPointer(receive + msghdr.vectors, this.receiveVectors.offset + i * IOVEC_BYTES);
      arena.u32[(receive + msghdr.vectorCount) >>> 2] = 1;
      arena.setPointer(receive + msghdr.control, this.control + i * CONTROL_BYTES);
      const send = this.sendHeaders + i * MMSGHDR_BYTES;
      arena.setPointer(send + msghdr.vectors, this.sendVectors.offset + i * IOVEC_BYTES);
      arena.u32[(send + msghdr.vectorCount) >>> 2] = 1;
    }
  }

  offsetOf(slot: number): number {
    return this.slotsAt + slot * this.slotBytes;
  }

  /** The wall clock, in which the kernel stamps packets, us. */
  wallUs(): number {
    clockGettime(CLOCK_REALTIME, this.arena.address + this.scratch);
    return timeUs(this.arena.u32, this.scratch);
  }

  /**
   * What to add to a time of the wall clock to have it in the monotonic one, us. A thread that was interrupted between the two clocks would be
   * wrong by as long as that took.
   */
  wallToMonotonicUs(): number {
    let closest = Number.POSITIVE_INFINITY;
    let offset = 0;
    for (let i = 0; i < CLOCK_READINGS && closest > CLOCKS_APART_US; i++) {
      const before = monotonicUs();
      const wall = this.wallUs();
      const after = monotonicUs();
      if (after - before >= closest) continue;
      closest = after - before;
      offset = (before + after) / 2 - wall;
    }
    return offset;
  }
}

export interface PacketOptions {
  /** EtherType of the frames to receive; default: all. */
  readonly protocol?: number;
  /** Whether frames pass the interface's queueing discipline when they are sent. */
  readonly queued?: boolean;
}

export class PacketSocket implements Disposable {
  /** Frames that found no memory, or were longer than a slot. */
  spilled = 0;
  /** Frames that the kernel did not take. */
  refused = 0;
  #missed = 0;
  #open = true;

  private constructor(
    readonly fd: number,
    private readonly memory: PacketMemory,
  ) {}

  /** `index` of an interface in the namespace that the caller is in. Throws SystemError. */
  static open(
    index: number,
    memory: PacketMemory,
    { protocol = ETH_P_ALL, queued = false }: PacketOptions = {},
  ): PacketSocket {
    // Without a protocol nothing is received before the socket is bound.
    const fd = check(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'socket AF_PACKET');
    const packets = new PacketSocket(fd, memory);
    try {
      setIntegerOption(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, 'PACKET_IGNORE_OUTGOING');
      if (!queued) setIntegerOption(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1, 'PACKET_QDISC_BYPASS');
      setIntegerOption(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1, 'SO_TIMESTAMPNS');
      tryIntegerOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES);
      tryIntegerOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES);
      const { arena, scratch } = memory;
      arena.memory.bytes.fill(0, scratch, scratch + SOCKADDR_LL_BYTES);
      const inNetworkOrder = ((protocol & 0xff) << 8) | (protocol >>> 8);
      arena.u32[scratch >>> 2] = (AF_PACKET | (inNetworkOrder << 16)) >>> 0;
      arena.u32[(scratch >>> 2) + 1] = index;
      check(bind(fd, arena.address + scratch, SOCKADDR_LL_BYTES), `bind AF_PACKET to interface ${index}`);
      return packets;
    } catch (error) {
      packets[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Takes what is there, at most a batch. `take` gets each frame in a slot, with the time at which it reached the interface, in the monotonic
   * clock or, by `clock`, in that of `wallUs`. Returns how many frames there were.
   */
  receive(
    take: (arrivedUs: number, slot: number, bytes: number) => void,
    clock: 'monotonic' | 'wall' = 'monotonic',
  ): number {
    const { arena, slots, slotBytes } = this.memory;
    const { u32 } = arena;
    const room = Math.min(BATCH, slots.free);
    const count = Math.max(1, room);
    for (let i = 0; i < count; i++) {
      const slot = room === 0 ? -1 : slots.take();
      this.#receiveSlots[i] = slot;
      this.memory.receiveVectors.set(i, slot === -1 ? this.memory.spill : this.memory.offsetOf(slot), slotBytes);
      u32[(this.memory.receiveHeaders + i * MMSGHDR_BYTES + msghdr.controlBytes) >>> 2] = CONTROL_BYTES;
    }
    const received = recvmmsg(this.fd, arena.address + this.memory.receiveHeaders, count, MSG_DONTWAIT);
    const got = received === -1 ? this.#nothing() : received;
    const offset = got === 0 || clock === 'wall' ? 0 : this.memory.wallToMonotonicUs();
    const nowUs = got === 0 ? 0 : this.memory.wallUs() + offset;
    for (let i = 0; i < count; i++) {
      const slot = this.#receiveSlots[i];
      if (i >= got) {
        if (slot !== -1) slots.release(slot);
        continue;
      }
      const header = this.memory.receiveHeaders + i * MMSGHDR_BYTES;
      const truncated = (u32[(header + msghdr.flags) >>> 2] & MSG_TRUNC) !== 0;
      if (slot === -1 || truncated) {
        this.spilled++;
        if (slot !== -1) slots.release(slot);
        continue;
      }
      take(this.#arrival(header, i, nowUs, offset), slot, u32[(header + mmsghdr.bytes) >>> 2]);
    }
    return got;
  }

  /** Sends what is in the queue and lets its slots go. Returns false when the kernel takes no more for now. */
  send(queue: PacketQueue): boolean {
    const { arena, slots } = this.memory;
    while (queue.length > 0) {
      const count = Math.min(BATCH, queue.length);
      for (let i = 0; i < count; i++) {
        this.memory.sendVectors.set(i, this.memory.offsetOf(queue.slot(i)), queue.bytes(i));
      }
      const result = sendmmsg(this.fd, arena.address + this.memory.sendHeaders, count, MSG_DONTWAIT);
      let done = result;
      if (result === -1) {
        const error = errno();
        if (error === EAGAIN) return false;
        if (error === EINTR) continue;
        // The interface is down, or its peer is: the frame is lost, as on any such link.
        this.refused++;
        done = 1;
      }
      for (let i = 0; i < done; i++) slots.release(queue.slot(i));
      queue.shift(done);
    }
    return true;
  }

  /** Frames that the kernel had no room for in front of this socket, since it was opened. */
  missed(): number {
    const { arena, scratch } = this.memory;
    // struct tpacket_stats (8 bytes, reset when read) at 0, its length at 16.
    arena.u32[(scratch >>> 2) + 4] = 8;
    const address = arena.address + scratch;
    if (getsockopt(this.fd, SOL_PACKET, PACKET_STATISTICS, address, address + 16) === 0) {
      this.#missed += arena.u32[(scratch >>> 2) + 1];
    }
    return this.#missed;
  }

  readonly #receiveSlots = new Int32Array(BATCH);

  #arrival(header: number, index: number, nowUs: number, offset: number): number {
    const { u32 } = this.memory.arena;
    const bytes = u32[(header + msghdr.controlBytes) >>> 2];
    const at = findControl(u32, this.memory.control + index * CONTROL_BYTES, bytes, SOL_SOCKET, SO_TIMESTAMPNS);
    if (at === -1) return nowUs;
    const arrived = timeUs(u32, at) + offset;
    return arrived > nowUs || arrived < nowUs - AGE_MAX_US ? nowUs : arrived;
  }

  #nothing(): number {
    const error = errno();
    if (error === EAGAIN || error === EINTR || error === ENETDOWN || error === ENOBUFS) return 0;
    throw new SystemError('recvmmsg AF_PACKET', error);
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    close(this.fd);
  }
}

/** struct timespec, us. */
function timeUs(u32: Uint32Array, at: number): number {
  const word = at >>> 2;
  return (u32[word + 1] * 2 ** 32 + u32[word]) * 1e6 + u32[word + 2] / 1000;
}
