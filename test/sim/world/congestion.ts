/** NewReno (RFC 6582) and the retransmission timer (RFC 6298) of one sender. Positions and windows in bytes, times in us. */
const INITIAL_SEGMENTS = 10;
const MIN_TIMEOUT = 200_000;
const MAX_TIMEOUT = 8_000_000;

export class Congestion {
  window = Number.POSITIVE_INFINITY;
  /** Retransmission timeout with back-off. */
  timeout = 1_000_000;
  /** The last acknowledgement was partial: the next hole is to be filled. */
  partial = false;
  retransmissions = 0;
  timeouts = 0;

  private threshold = Number.POSITIVE_INFINITY;
  private recoverTo = 0;
  private recovering = false;
  private duplicates = 0;
  private started = false;
  private smoothed = 0;
  private variation = 0;
  private timedEnd = 0;
  private timedAt = -1;

  /** The segment size is known. */
  start(mss: number): void {
    if (this.started) return;
    this.started = true;
    this.window = INITIAL_SEGMENTS * mss;
  }

  /** New bytes up to `to` are sent; one flight at a time is timed, for peers without timestamps. */
  sending(to: number, now: number): void {
    if (this.timedAt >= 0 || to <= this.timedEnd) return;
    this.timedAt = now;
    this.timedEnd = to;
  }

  /** Karn's rule: what was retransmitted is not timed. */
  forgetTiming(): void {
    this.timedAt = -1;
  }

  sampleTime(now: number): void {
    if (this.timedAt < 0) return;
    this.sample(now - this.timedAt);
    this.timedAt = -1;
  }

  acknowledged(bytes: number, position: number, mss: number, now: number, echoed: number | null): void {
    if (echoed !== null) this.sample(echoed);
    else if (position >= this.timedEnd) this.sampleTime(now);
    this.duplicates = 0;
    this.partial = false;
    if (this.recovering && position < this.recoverTo) {
      this.partial = true;
      this.window = Math.max(mss, this.window - bytes + mss);
      return;
    }
    if (this.recovering) {
      this.recovering = false;
      this.window = this.threshold;
    } else if (this.window < this.threshold) {
      this.window += Math.min(bytes, 2 * mss);
    } else {
      this.window += (mss * bytes) / this.window;
    }
  }

  /** Returns whether the first unacknowledged segment is to be sent again. */
  duplicateAck(flight: number, highest: number, mss: number): boolean {
    this.duplicates++;
    if (this.recovering) {
      this.window += mss;
      return false;
    }
    if (this.duplicates < 3) return false;
    this.recovering = true;
    this.recoverTo = highest;
    this.threshold = Math.max(flight / 2, 2 * mss);
    this.window = this.threshold + 3 * mss;
    return true;
  }

  timedOut(flight: number, mss: number): void {
    this.timeouts++;
    this.recovering = false;
    this.duplicates = 0;
    this.partial = false;
    this.threshold = Math.max(flight / 2, 2 * mss);
    this.window = mss;
    this.timeout = Math.min(MAX_TIMEOUT, this.timeout * 2);
    this.forgetTiming();
  }

  private sample(time: number): void {
    if (this.smoothed === 0) {
      this.smoothed = time;
      this.variation = time / 2;
    } else {
      this.variation += (Math.abs(this.smoothed - time) - this.variation) / 4;
      this.smoothed += (time - this.smoothed) / 8;
    }
    this.timeout = Math.min(MAX_TIMEOUT, Math.max(MIN_TIMEOUT, this.smoothed + 4 * this.variation));
  }
}
