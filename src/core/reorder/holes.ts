/** A second of 1,000 lost packets, each alone between two that came. */
const CAPACITY = 1024;
const INITIAL = 16;

/**
 * Sequence numbers that were given up and may still come: a late packet is delivered when it fills a hole, and only once. Everything
 * else below the expected number has been delivered, so this is the session's protection against replays too.
 */
export class Holes {
  private start = new Int32Array(INITIAL);
  private length = new Int32Array(INITIAL);
  private count = 0;

  /** Gives up `length` numbers from `start` (mod 2^32). With too many holes the oldest is closed for good. */
  add(start: number, length: number): void {
    if (this.count === CAPACITY) this.remove(0);
    else if (this.count === this.start.length) this.grow();
    this.start[this.count] = start;
    this.length[this.count] = length;
    this.count++;
  }

  /** Whether `sequence` was missing; from now on it is not. */
  fill(sequence: number): boolean {
    for (let i = this.count - 1; i >= 0; i--) {
      const into = (sequence - this.start[i]) | 0;
      const length = this.length[i];
      if (into < 0 || into >= length) continue;
      if (length === 1) {
        this.remove(i);
      } else if (into === 0) {
        this.start[i] = (this.start[i] + 1) | 0;
        this.length[i]--;
      } else if (into === length - 1) {
        this.length[i]--;
      } else {
        this.length[i] = into;
        this.add((sequence + 1) | 0, length - into - 1);
      }
      return true;
    }
    return false;
  }

  private grow(): void {
    const [start, length] = [this.start, this.length];
    this.start = new Int32Array(2 * this.count);
    this.length = new Int32Array(2 * this.count);
    this.start.set(start);
    this.length.set(length);
  }

  private remove(at: number): void {
    this.start.copyWithin(at, at + 1, this.count);
    this.length.copyWithin(at, at + 1, this.count);
    this.count--;
  }
}
