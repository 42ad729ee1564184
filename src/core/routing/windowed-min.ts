/** A window is so many parts and the one that is under way. */
const PARTS = 3;

/**
 * Minimum of the samples of the last window, in constant space. Its parts begin at fixed times of the clock, the same for all minima of one length: where
 * queues stand for longer than a window, the minima of all paths forget the time before at once, and stay comparable. Each with a window of its own
 * would for a while take one path's queue for its length, and the other's not.
 */
export class WindowedMin {
  private readonly least = new Float64Array(PARTS + 1).fill(Number.POSITIVE_INFINITY);
  private readonly partUs: number;
  private part = 0;

  /** `windowUs` Infinity keeps the minimum of all time, as the paper does. */
  constructor(windowUs: number) {
    this.partUs = windowUs / PARTS;
  }

  /** Takes a sample in and returns the minimum of at least the window before `now`, and of at most a third more. */
  add(sample: number, now: number): number {
    const { least } = this;
    const part = Math.floor(now / this.partUs);
    for (let gone = Math.min(part - this.part, PARTS + 1); gone > 0; gone--) {
      least[(part - gone + 1) % (PARTS + 1)] = Number.POSITIVE_INFINITY;
    }
    this.part = part;
    const current = part % (PARTS + 1);
    least[current] = Math.min(least[current], sample);
    let all = sample;
    for (let i = 0; i <= PARTS; i++) all = Math.min(all, least[i]);
    return all;
  }
}
