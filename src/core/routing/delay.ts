import { WindowedMin } from './windowed-min.js';

/** Window of the minimum delay, so that a route change or clock drift heals. */
export const MIN_DELAY_WINDOW_US = 30_000_000;
/** Clocks of two hosts drift apart by no more than this without anybody setting them: 100 us a second. */
const DRIFT = 1e-4;
/** Share of a new sample in the smoothed delay. */
const SMOOTHING = 1 / 4;
/** What was measured so long before a sample says nothing about now: the queue of a path that nobody uses has gone. */
export const STALE_US = 500_000;

/** A queue that holds this share of the most that it ever held may be full: its length is smoothed, and its room is shared with others. */
const FULL = 0.5;
/** A shorter one is a packet or two that a busy machine was late for. */
const LEAST_FULL_US = 5_000;

/**
 * One-way delay of a path from the peer's feedback (paper section 3.5.1, Table 5). Samples are us on a scale whose zero is the
 * unknown offset between the clocks, the same for all paths to the peer: differences between paths are true differences.
 */
export class DelayTracker {
  private readonly minimum: WindowedMin;
  known = false;
  /** D, smoothed. */
  delay = 0;
  /** The last sample as it came. */
  latest = 0;
  /** D_min. */
  min = 0;
  /** Q = D - D_min. */
  queuing = 0;
  /** Q_max. */
  maxQueuing = 0;
  private addedAt = Number.NEGATIVE_INFINITY;

  constructor(windowUs: number) {
    this.minimum = new WindowedMin(windowUs);
  }

  /**
   * @param isLoaded so much is sent on the path that a queue may have stood for long: the sample can show a shorter path then, not a longer one. A
   * least delay that became the queue's would let the path seem empty, and the scheduler would fill it to the brim.
   */
  add(sample: number, now: number, isLoaded = false): void {
    this.latest = sample;
    this.delay = now - this.addedAt < STALE_US ? this.delay + (sample - this.delay) * SMOOTHING : sample;
    const isStanding = this.known && isLoaded && sample > this.min;
    this.min = isStanding ? Math.min(sample, this.min + (now - this.addedAt) * DRIFT) : this.minimum.add(sample, now);
    this.addedAt = now;
    this.known = true;
    this.queuing = Math.max(0, this.delay - this.min);
    if (this.queuing > this.maxQueuing) this.maxQueuing = this.queuing;
  }

  /** Whether a queue in which no packet waited for less than `queuing` us may have overflowed. */
  isFull(queuing: number): boolean {
    return queuing > Math.max(LEAST_FULL_US, FULL * this.maxQueuing);
  }
}
