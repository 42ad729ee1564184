/**
 * Brings a session's packets back into the order of their session sequence numbers (paper section 4.2). The unit is a run: packets of
 * consecutive numbers that lie one behind the other in one receive slot. Sequence numbers are mod 2^32, as signed integers.
 */
import type { ReorderMode } from '../config.js';
import type { SlotPool } from '../slots.js';
import type { IncomingPath } from '../tables/paths.js';
import { PATH_IN_USE_US } from '../tables/sessions.js';
import { Holes } from './holes.js';

/** The paper's buffer. */
export const PAPER_LIMIT = 100;
/** Bounds memory only: what is held is decided by the hold time. */
const ADAPTIVE_LIMIT = 8192;
const MIN_HOLD_US = 5_000;
export const MAX_HOLD_US = 200_000;
/**
 * While all paths keep their order, losses are seen without the timer, which is then only for a path that falls silent: it can be
 * generous, and a queue that builds up faster than the smoothed delay follows does not make packets late.
 */
const FIFO_MIN_HOLD_US = 40_000;
/**
 * When for longer than this nothing came on any path, it was the machine or the sender that stood still, not one path: such a time does not
 * count as waited, up to once the hold time. While it lasts it may be a path that took a whole window with it, so no more than this is added.
 */
const SILENCE_US = 20_000;
/** How long a path that reordered its own packets is not trusted to be first in, first out. */
const DISTRUST_US = 10_000_000;
/** Slots that must stay free for receiving; below, everything held goes out. */
const RESERVED_SLOTS = 64;
const INITIAL_RUNS = 32;

/** Takes over a run of `count` packets, `stride` bytes apart, the last one `lastBytes` long. */
export type DeliverRun = (slot: number, at: number, stride: number, count: number, lastBytes: number) => void;

export class ReorderBuffer {
  /** The number that is due next. */
  next = 0;
  /** When the gap in front of what is held is given up, us; Infinity = no gap. */
  deadline = Number.POSITIVE_INFINITY;
  /** Packets held now, at most so far, delivered after waiting, gaps given up, late and duplicate packets. */
  held = 0;
  maxHeld = 0;
  released = 0;
  timeouts = 0;
  losses = 0;
  late = 0;
  duplicates = 0;

  private limit: number;
  private orderMode: ReorderMode;
  private longestHold = MAX_HOLD_US;
  private readonly holes = new Holes();
  /** Paths that brought packets of the session: the newest number of each and when it came. */
  private readonly paths: IncomingPath[] = [];
  private readonly newest: number[] = [];
  private readonly newestAt: number[] = [];
  /** When the newest packet came on whatever path, and from when to when nothing came for longer than SILENCE_US. */
  private arrivedAt = Number.POSITIVE_INFINITY;
  private silentFrom = 0;
  private silentUntil = 0;
  /** Until then packets may be under way on paths that have not brought any of the session yet. */
  private openUntil = Number.NEGATIVE_INFINITY;

  /** Held runs in order, between `head` and `tail`. */
  private first = new Int32Array(0);
  private count = new Int32Array(0);
  private slot = new Int32Array(0);
  private at = new Int32Array(0);
  private stride = new Int32Array(0);
  private lastBytes = new Int32Array(0);
  private since = new Float64Array(0);
  private head = 0;
  private tail = 0;

  constructor(
    mode: ReorderMode,
    private readonly slots: SlotPool,
    /** All that the peer may send on. */
    private readonly peerPaths: readonly IncomingPath[],
    private readonly deliver: DeliverRun,
  ) {
    this.orderMode = mode;
    this.limit = limitOf(mode);
  }

  get mode(): ReorderMode {
    return this.orderMode;
  }

  /** How long a packet waits at most for those before it, us. */
  get holdLimit(): number {
    return this.longestHold;
  }

  /** Another way from now on; what is held and has waited long enough for it is delivered. */
  configure(mode: ReorderMode, holdLimit: number, now: number): void {
    this.orderMode = mode;
    this.limit = limitOf(mode);
    this.longestHold = holdLimit;
    if (mode === 'off') this.releaseAll(now);
    if (this.head === this.tail) return;
    this.onTimeout(now);
  }

  /** The sender says that it has begun to use another path. */
  pathBegins(now: number): void {
    this.openUntil = now + PATH_IN_USE_US;
  }

  /** Takes a run in, in whatever order it comes, and delivers what is due. Held runs retain their slot. */
  insert(
    first: number,
    count: number,
    slot: number,
    at: number,
    stride: number,
    lastBytes: number,
    path: IncomingPath,
    isCopy: boolean,
    now: number,
  ): void {
    this.note(path, (first + count - 1) | 0, first, isCopy, now);
    this.accept(first, count, slot, at, stride, lastBytes, now);
    if (this.head !== this.tail) this.settle(now);
  }

  /** Gives up the gap when its time has come. */
  onTimeout(now: number): void {
    if (this.head === this.tail) return;
    this.deadline = this.dueTime(now);
    if (now < this.deadline) return;
    this.timeouts++;
    this.giveUpGap(now);
    this.settle(now);
  }

  /** Delivers all that is held, gaps or not. */
  releaseAll(now: number): void {
    while (this.head !== this.tail) this.giveUpGap(now);
  }

  /** Gives the slots back without delivering. */
  discard(): void {
    for (let i = this.head; i < this.tail; i++) this.slots.release(this.slot[i]);
    this.head = this.tail = 0;
    this.held = 0;
    this.deadline = Number.POSITIVE_INFINITY;
  }

  private accept(
    first: number,
    count: number,
    slot: number,
    at: number,
    stride: number,
    lastBytes: number,
    now: number,
  ): void {
    const ahead = (first - this.next) | 0;
    if (ahead < 0) {
      const old = Math.min(count, -ahead);
      this.fillHoles(first, old, slot, at, stride, old === count ? lastBytes : stride);
      if (old < count) this.accept(this.next, count - old, slot, at + old * stride, stride, lastBytes, now);
    } else if (ahead === 0) {
      // What is held may start inside this run, when packets came twice.
      const room = this.head === this.tail ? count : Math.min(count, (this.first[this.head] - first) | 0);
      this.deliver(slot, at, stride, room, room === count ? lastBytes : stride);
      this.next = (first + room) | 0;
      if (this.head !== this.tail) this.drain(now);
      if (room < count) {
        this.accept((first + room) | 0, count - room, slot, at + room * stride, stride, lastBytes, now);
      }
    } else if (this.mode === 'off') {
      this.holes.add(this.next, ahead);
      this.deliver(slot, at, stride, count, lastBytes);
      this.next = (first + count) | 0;
    } else {
      this.hold(first, count, slot, at, stride, lastBytes, now);
    }
  }

  /** Packets below the expected number: late ones fill holes, the rest came before. */
  private fillHoles(first: number, count: number, slot: number, at: number, stride: number, lastBytes: number): void {
    for (let i = 0; i < count; i++) {
      if (this.holes.fill((first + i) | 0)) {
        this.late++;
        this.deliver(slot, at + i * stride, stride, 1, i === count - 1 ? lastBytes : stride);
      } else {
        this.duplicates++;
      }
    }
  }

  private hold(
    first: number,
    count: number,
    slot: number,
    at: number,
    stride: number,
    lastBytes: number,
    now: number,
  ): void {
    let place = this.tail;
    while (place > this.head && ((this.first[place - 1] - first) | 0) > 0) place--;
    let skip = 0;
    if (place > this.head) {
      const end = (this.first[place - 1] + this.count[place - 1]) | 0;
      skip = Math.min(count, Math.max(0, (end - first) | 0));
    }
    const from = (first + skip) | 0;
    let keep = count - skip;
    let beyond = 0;
    if (place < this.tail && keep > 0) {
      const room = Math.max(0, (this.first[place] - from) | 0);
      if (room < keep) {
        beyond = Math.max(0, keep - room - this.count[place]);
        keep = room;
      }
    }
    this.duplicates += count - keep - beyond;
    if (beyond > 0) {
      const into = count - beyond;
      this.hold((first + into) | 0, beyond, slot, at + into * stride, stride, lastBytes, now);
    }
    if (keep === 0) return;
    const whole = skip + keep === count;
    this.place(place, from, keep, slot, at + skip * stride, stride, whole ? lastBytes : stride, now);
  }

  private place(
    index: number,
    first: number,
    count: number,
    slot: number,
    at: number,
    stride: number,
    lastBytes: number,
    now: number,
  ): void {
    let place = index;
    if (this.tail === this.first.length) place -= this.makeRoom();
    if (place < this.tail) {
      this.first.copyWithin(place + 1, place, this.tail);
      this.count.copyWithin(place + 1, place, this.tail);
      this.slot.copyWithin(place + 1, place, this.tail);
      this.at.copyWithin(place + 1, place, this.tail);
      this.stride.copyWithin(place + 1, place, this.tail);
      this.lastBytes.copyWithin(place + 1, place, this.tail);
      this.since.copyWithin(place + 1, place, this.tail);
    }
    this.first[place] = first;
    this.count[place] = count;
    this.slot[place] = slot;
    this.at[place] = at;
    this.stride[place] = stride;
    this.lastBytes[place] = lastBytes;
    this.since[place] = now;
    this.tail++;
    this.slots.retain(slot);
    this.held += count;
    if (this.held > this.maxHeld) this.maxHeld = this.held;
  }

  /** Moves the runs to the front or into larger columns; returns by how much their indices fell. */
  private makeRoom(): number {
    const moved = this.head;
    const runs = this.tail - this.head;
    const size = runs * 2 >= this.first.length ? Math.max(INITIAL_RUNS, this.first.length * 2) : this.first.length;
    this.first = this.moved(this.first, new Int32Array(size));
    this.count = this.moved(this.count, new Int32Array(size));
    this.slot = this.moved(this.slot, new Int32Array(size));
    this.at = this.moved(this.at, new Int32Array(size));
    this.stride = this.moved(this.stride, new Int32Array(size));
    this.lastBytes = this.moved(this.lastBytes, new Int32Array(size));
    this.since = this.moved(this.since, new Float64Array(size));
    this.head = 0;
    this.tail = runs;
    return moved;
  }

  private moved<T extends Int32Array | Float64Array>(from: T, to: T): T {
    to.set(from.subarray(this.head, this.tail));
    return to;
  }

  /** Delivers held runs as long as they are due. */
  private drain(now: number): void {
    while (this.head < this.tail && this.first[this.head] === this.next) this.deliverHead();
    if (this.head === this.tail) {
      this.head = this.tail = 0;
      this.deadline = Number.POSITIVE_INFINITY;
    } else {
      this.deadline = this.dueTime(now);
    }
  }

  private deliverHead(): void {
    const i = this.head++;
    const count = this.count[i];
    this.held -= count;
    this.released += count;
    this.next = (this.next + count) | 0;
    this.deliver(this.slot[i], this.at[i], this.stride[i], count, this.lastBytes[i]);
    this.slots.release(this.slot[i]);
  }

  /** Gives up the gap in front of the first held run. */
  private giveUpGap(now: number): void {
    this.holes.add(this.next, (this.first[this.head] - this.next) | 0);
    this.next = this.first[this.head];
    this.drain(now);
  }

  /** Lets go what need not wait any longer, and sets the deadline for the rest. */
  private settle(now: number): void {
    while (this.head !== this.tail) {
      if (this.mode === 'adaptive' && this.gapIsLost(now)) {
        this.losses++;
        this.giveUpGap(now);
      } else if (this.held > this.limit) {
        // The paper pushes up everything once the buffer is full.
        if (this.mode === 'paper') this.releaseAll(now);
        else this.giveUpGap(now);
      } else if (this.slots.available < RESERVED_SLOTS) {
        this.releaseAll(now);
      } else {
        if (this.deadline === Number.POSITIVE_INFINITY) this.deadline = this.dueTime(now);
        return;
      }
    }
  }

  /** Every path that is in use has brought something newer; each is first in, first out, so what is missing will not come. */
  private gapIsLost(now: number): boolean {
    const open = now < this.openUntil;
    for (let i = 0; i < this.peerPaths.length; i++) {
      const path = this.peerPaths[i];
      if (!path.known || !(open || this.isInUse(path, now))) continue;
      const known = this.paths.indexOf(path);
      if (known < 0 || ((this.newest[known] - this.next) | 0) <= 0 || path.reordersUntil > now) return false;
    }
    return true;
  }

  /** When the gap in front of what is held is to be given up. */
  private dueTime(now: number): number {
    const since = this.since[this.head];
    const hold = this.holdTime(now);
    const before = this.silentUntil - Math.max(this.silentFrom, since);
    const latest = now - Math.max(this.arrivedAt + SILENCE_US, since);
    const silent = Math.max(0, before, Math.min(latest, SILENCE_US));
    return since + Math.min(this.longestHold, hold + Math.min(hold, silent));
  }

  /** Time to wait for the slowest path, from spread of the delays + 4 x jitter. The paper has no timer; the longest stands in for it. */
  private holdTime(now: number): number {
    if (this.mode === 'paper') return this.longestHold;
    const open = now < this.openUntil;
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    let jitter = 0;
    let fifo = true;
    for (let i = 0; i < this.peerPaths.length; i++) {
      const path = this.peerPaths[i];
      if (!path.known || !(open || this.isInUse(path, now))) continue;
      if (path.reordersUntil > now) fifo = false;
      least = Math.min(least, path.delay);
      most = Math.max(most, path.delay);
      jitter = Math.max(jitter, path.jitter);
    }
    if (most < least) return Math.min(this.longestHold, MIN_HOLD_US);
    const wait = most - least + 4 * jitter;
    return Math.ceil(
      Math.min(this.longestHold, fifo ? Math.max(FIFO_MIN_HOLD_US, 2 * wait) : Math.max(MIN_HOLD_US, wait)),
    );
  }

  private isInUse(path: IncomingPath, now: number): boolean {
    const i = this.paths.indexOf(path);
    return i >= 0 && now - this.newestAt[i] <= PATH_IN_USE_US;
  }

  /** Keeps each path's newest number; a path that brings an older one than before reorders. */
  private note(path: IncomingPath, last: number, first: number, isCopy: boolean, now: number): void {
    if (now - this.arrivedAt > SILENCE_US) {
      this.silentFrom = this.arrivedAt + SILENCE_US;
      this.silentUntil = now;
    }
    this.arrivedAt = now;
    let i = this.paths.indexOf(path);
    if (i < 0) {
      i = this.paths.length;
      this.paths.push(path);
      this.newest.push(last);
    } else if (!isCopy && ((first - this.newest[i]) | 0) <= 0) {
      path.reordersUntil = now + DISTRUST_US;
    }
    if (((last - this.newest[i]) | 0) > 0) this.newest[i] = last;
    this.newestAt[i] = now;
  }
}

/** Packets. */
function limitOf(mode: ReorderMode): number {
  return mode === 'paper' ? PAPER_LIMIT : ADAPTIVE_LIMIT;
}
