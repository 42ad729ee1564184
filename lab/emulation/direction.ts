/**
 * One direction of a link in virtual time. A packet waits in the queue, takes its time onto the link, may be lost there, is held for the
 * delay, and arrives, perhaps twice:
 *
 *     arrive -> queue (limit) -> transmitter (rate, trace) -> loss -> duplication -> delay, jitter, reordering -> release
 *
 * Nothing here knows a clock: all times are passed in, in microseconds, and only have to go forward. Packets are worked on when they are
 * asked for, at the exact times at which things happen to them, so that it does not matter how late that is.
 */
import type { Loss, QueueLimit } from '../topology/topology.js';
import { type LossModel, lossModel } from './loss.js';
import { PacketQueue } from './packet-queue.js';
import { deriveSeed, Random } from './random.js';
import type { Slots } from './slots.js';
import type { Trace } from './trace.js';
import { traceTransmitter } from './trace-transmitter.js';
import { ConstantRate, type Transmitter } from './transmitter.js';

/** How a direction treats packets. */
export interface DirectionSettings {
  /** bit/s with Ethernet headers; null: as fast as the machine, or as the trace. */
  readonly rateBps: number | null;
  /** Takes the place of a rate. */
  readonly trace: Trace | null;
  /** What may wait for the transmitter; without effect where there is neither rate nor trace. */
  readonly limit: QueueLimit;
  readonly delayUs: number;
  /** The delay is uniform in delay +/- jitter, and order is kept. */
  readonly jitterUs: number;
  readonly loss: Loss | null;
  /** Share of packets that skip the delay and so overtake those that are held, 0 to 1. */
  readonly reorder: number;
  /** Share of packets that arrive twice, 0 to 1. */
  readonly duplicate: number;
  readonly seed: number;
}

/** Why packets did not arrive. */
export interface Drops {
  /** The queue was full. */
  queue: number;
  /** By the loss model. */
  loss: number;
  /** The link was down. */
  carrier: number;
}

export interface DirectionCounters {
  packets: number;
  bytes: number;
  delivered: number;
  duplicated: number;
  reordered: number;
  readonly dropped: Drops;
}

/** How long a value of the jitter holds: what follows closer than this shares it, as in one burst of a radio link. */
const JITTER_HOLD_US = 10_000;

export class Direction {
  readonly counters: DirectionCounters = newCounters();
  #settings: DirectionSettings;
  #transmitter: Transmitter | null = null;
  #loss: LossModel | null = null;
  #jitter: Random;
  #reorder: Random;
  #duplicate: Random;
  readonly #queue = new PacketQueue();
  /** Packets on the link, by the time at which they arrive. */
  readonly #held = new PacketQueue();
  /** The same for packets that skip the delay. */
  readonly #express = new PacketQueue();
  /** The end of the last transmission that is over. */
  #idleSinceUs = Number.NEGATIVE_INFINITY;
  /** When the front of the queue is on the link; NaN while it has not been worked out. */
  #frontDoneUs = Number.NaN;
  #lastDueUs = Number.NEGATIVE_INFINITY;
  #jitterValueUs = 0;
  #jitterSinceUs = Number.NEGATIVE_INFINITY;
  #up = true;

  /** `nowUs` is where a trace starts. */
  constructor(
    settings: DirectionSettings,
    private readonly slots: Slots,
    nowUs: number,
  ) {
    this.#settings = settings;
    [this.#jitter, this.#reorder, this.#duplicate] = this.#randoms();
    this.#setTransmitter(nowUs);
    this.#setLoss();
  }

  get settings(): DirectionSettings {
    return this.#settings;
  }

  /** Takes a packet, and its slot with it. */
  arrive(nowUs: number, slot: number, bytes: number): void {
    this.counters.packets++;
    this.counters.bytes += bytes;
    if (!this.#up) {
      this.counters.dropped.carrier++;
      this.slots.release(slot);
      return;
    }
    this.#transmit(nowUs);
    if (this.#transmitter === null) {
      this.#cross(nowUs, slot, bytes);
    } else if (this.#fits(nowUs, bytes)) {
      this.#queue.push(nowUs, slot, bytes);
    } else {
      this.counters.dropped.queue++;
      this.slots.release(slot);
    }
  }

  /** How long any packet takes at least, us. */
  get leastDelayUs(): number {
    const { reorder, delayUs, jitterUs } = this.#settings;
    return reorder > 0 ? 0 : Math.max(0, delayUs - jitterUs);
  }

  /** Before this time nothing arrives; Infinity when nothing is on its way. */
  nextUs(): number {
    const held = Math.min(this.#held.time(), this.#express.time());
    if (this.#queue.length === 0) return held;
    return Math.min(held, this.#workOutFront() + this.leastDelayUs);
  }

  /** Moves all packets that have arrived by `nowUs` to `into`, with the times of their arrival, in their order. */
  release(nowUs: number, into: PacketQueue): void {
    this.#transmit(nowUs);
    for (;;) {
      const queue = this.#express.time() < this.#held.time() ? this.#express : this.#held;
      const due = queue.time();
      if (due > nowUs) return;
      into.push(due, queue.slot(), queue.bytes());
      queue.shift();
      this.counters.delivered++;
    }
  }

  /** Other settings from now on; all that is left out stays, and packets that are on the link stay as they were. */
  change(nowUs: number, change: Partial<DirectionSettings>): void {
    this.#transmit(nowUs);
    this.#settings = { ...this.#settings, ...change };
    if ('rateBps' in change || 'trace' in change) {
      this.#frontDoneUs = Number.NaN;
      this.#setTransmitter(nowUs);
      // What is being sent starts again at the new rate; nothing is sent in the past.
      this.#idleSinceUs = Math.max(this.#idleSinceUs, nowUs);
      this.#transmit(nowUs);
    }
    if ('loss' in change) this.#setLoss();
  }

  /** A link that goes down loses what is on it and in front of it. */
  setCarrier(up: boolean): void {
    if (this.#up && !up) this.counters.dropped.carrier += this.#clear();
    this.#up = up;
  }

  /** As new: empty, all counters zero, all random sequences and the trace at their start. */
  reset(nowUs: number): void {
    this.#clear();
    this.#idleSinceUs = Number.NEGATIVE_INFINITY;
    this.#lastDueUs = Number.NEGATIVE_INFINITY;
    this.#jitterSinceUs = Number.NEGATIVE_INFINITY;
    [this.#jitter, this.#reorder, this.#duplicate] = this.#randoms();
    this.#setTransmitter(nowUs);
    this.#setLoss();
    Object.assign(this.counters, newCounters());
  }

  #randoms(): [Random, Random, Random] {
    const { seed } = this.#settings;
    return [random(seed, 'jitter'), random(seed, 'reorder'), random(seed, 'duplicate')];
  }

  #setLoss(): void {
    const { loss, seed } = this.#settings;
    this.#loss = loss === null ? null : lossModel(loss, random(seed, 'loss'));
  }

  #setTransmitter(nowUs: number): void {
    const { trace, rateBps } = this.#settings;
    if (trace !== null) this.#transmitter = traceTransmitter(trace, nowUs);
    else this.#transmitter = rateBps === null ? null : new ConstantRate(rateBps);
  }

  #clear(): number {
    let cleared = 0;
    for (const queue of [this.#queue, this.#held, this.#express]) {
      for (; queue.length > 0; cleared++) {
        this.slots.release(queue.slot());
        queue.shift();
      }
    }
    this.#frontDoneUs = Number.NaN;
    return cleared;
  }

  #fits(nowUs: number, bytes: number): boolean {
    const { limit } = this.#settings;
    switch (limit.kind) {
      case 'packets':
        return this.#queue.length < limit.packets;
      case 'bytes':
        return this.#queue.totalBytes + bytes <= limit.bytes;
      case 'time': {
        if (this.#queue.length === 0) return true;
        const bps = (this.#transmitter as Transmitter).rateBps(nowUs);
        return this.#queue.totalBytes * 8e6 <= limit.us * bps;
      }
    }
  }

  #workOutFront(): number {
    if (Number.isNaN(this.#frontDoneUs)) {
      const start = Math.max(this.#idleSinceUs, this.#queue.time());
      this.#frontDoneUs = (this.#transmitter as Transmitter).finish(start, this.#queue.bytes());
    }
    return this.#frontDoneUs;
  }

  /** Everything that is on the link by now leaves the queue. */
  #transmit(nowUs: number): void {
    while (this.#queue.length > 0) {
      const done = this.#transmitter === null ? nowUs : this.#workOutFront();
      if (done > nowUs) return;
      const slot = this.#queue.slot();
      const bytes = this.#queue.bytes();
      this.#queue.shift();
      this.#idleSinceUs = done;
      this.#frontDoneUs = Number.NaN;
      this.#cross(done, slot, bytes);
    }
  }

  #cross(startUs: number, slot: number, bytes: number): void {
    if (this.#loss?.loses()) {
      this.counters.dropped.loss++;
      this.slots.release(slot);
      return;
    }
    const { reorder, duplicate } = this.#settings;
    const twice = duplicate > 0 && this.#duplicate.fraction() < duplicate;
    if (reorder > 0 && this.#reorder.fraction() < reorder) {
      this.counters.reordered++;
      this.#hold(this.#express, startUs, slot, bytes, twice);
    } else {
      this.#lastDueUs = Math.max(this.#lastDueUs, startUs + this.#delayUs(startUs));
      this.#hold(this.#held, this.#lastDueUs, slot, bytes, twice);
    }
  }

  #hold(queue: PacketQueue, dueUs: number, slot: number, bytes: number, twice: boolean): void {
    queue.push(dueUs, slot, bytes);
    if (!twice) return;
    this.counters.duplicated++;
    this.slots.share(slot);
    queue.push(dueUs, slot, bytes);
  }

  #delayUs(atUs: number): number {
    const { delayUs, jitterUs } = this.#settings;
    const base = delayUs + (this.#transmitter?.delayUs(atUs) ?? 0);
    if (jitterUs === 0) return base;
    if (atUs - this.#jitterSinceUs >= JITTER_HOLD_US) {
      this.#jitterSinceUs = atUs;
      this.#jitterValueUs = (2 * this.#jitter.fraction() - 1) * jitterUs;
    }
    return Math.max(0, base + this.#jitterValueUs);
  }
}

function random(seed: number, purpose: string): Random {
  return new Random(deriveSeed(seed, purpose));
}

function newCounters(): DirectionCounters {
  return {
    packets: 0,
    bytes: 0,
    delivered: 0,
    duplicated: 0,
    reordered: 0,
    dropped: { queue: 0, loss: 0, carrier: 0 },
  };
}
