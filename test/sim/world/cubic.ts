/** CUBIC (RFC 9438) with HyStart as Linux has it, and rate reduction in proportion (RFC 6937). In segments and us. */
const INITIAL_WINDOW = 10;
const BETA = 0.7;
const C = 0.4;
/** HyStart: a round trip counts from so many samples on, and ends slow start when it exceeds the least by an eighth within these bounds. */
const HYSTART_SAMPLES = 8;
const HYSTART_LEAST = 4_000;
const HYSTART_MOST = 16_000;
const HYSTART_WINDOW = 16;

export interface Acknowledgement {
  readonly now: number;
  /** Segments that are newly known to have arrived. */
  readonly delivered: number;
  readonly una: number;
  readonly next: number;
  /** Segments under way after it. */
  readonly pipe: number;
  /** Segments that it shows to be lost. */
  readonly lost: number;
  readonly rtt: number;
}

export class Cubic {
  window = INITIAL_WINDOW;
  threshold = Number.POSITIVE_INFINITY;
  recoveries = 0;
  leastRtt = Number.POSITIVE_INFINITY;
  private smoothedRtt = 0;
  /** The window at the last loss, and the epoch since. */
  private lastMax = 0;
  private epochStart = 0;
  private origin = 0;
  private k = 0;
  /** Window of a Reno flow since the epoch began. */
  private friendly = 0;
  private recoverTo = -1;
  /** Recovery: window at its begin, segments delivered and sent since. */
  private recoverFrom = 0;
  private recoveryDelivered = 0;
  private recoverySent = 0;
  private isRecovering = false;
  private isTimedOut = false;
  /** HyStart's round. */
  private roundEnd = 0;
  private roundLeast = Number.POSITIVE_INFINITY;
  private roundSamples = 0;

  begin(now: number): void {
    this.epochStart = 0;
    this.roundEnd = 0;
    void now;
  }

  get recovering(): boolean {
    return this.isRecovering;
  }

  roundTrip(rtt: number, una: number, next: number, _now: number): void {
    this.leastRtt = Math.min(this.leastRtt, rtt);
    this.smoothedRtt = this.smoothedRtt === 0 ? rtt : this.smoothedRtt + (rtt - this.smoothedRtt) / 8;
    if (this.window >= this.threshold) return;
    if (una > this.roundEnd) {
      this.roundEnd = next;
      this.roundLeast = Number.POSITIVE_INFINITY;
      this.roundSamples = 0;
    }
    if (this.roundSamples < HYSTART_SAMPLES) {
      this.roundLeast = Math.min(this.roundLeast, rtt);
      this.roundSamples++;
      return;
    }
    const above = Math.min(HYSTART_MOST, Math.max(HYSTART_LEAST, this.leastRtt / 8));
    if (this.window >= HYSTART_WINDOW && this.roundLeast > this.leastRtt + above) this.threshold = this.window;
  }

  sent(count: number): void {
    this.recoverySent += count;
  }

  acknowledged(ack: Acknowledgement): void {
    if (this.isRecovering || this.isTimedOut) {
      if (ack.una > this.recoverTo) {
        if (this.isRecovering) this.window = this.threshold;
        this.isRecovering = false;
        this.isTimedOut = false;
      }
    }
    if (!this.isRecovering && !this.isTimedOut && ack.lost > 0) this.enter(ack);
    if (this.isRecovering) {
      this.reduce(ack);
      return;
    }
    if (ack.delivered === 0) return;
    // The application always has data; still, a window that was not filled does not grow.
    if (ack.pipe + ack.delivered < this.window - 3 * ack.delivered && ack.pipe + ack.delivered < this.window / 2)
      return;
    let delivered = ack.delivered;
    if (this.window < this.threshold) {
      const grown = Math.min(this.window + delivered, this.threshold);
      delivered -= grown - this.window;
      this.window = grown;
    }
    if (delivered > 0 && this.window >= this.threshold) this.avoidCongestion(delivered, ack.now);
  }

  timedOut(next: number, _now: number): void {
    if (!this.isTimedOut) this.remember();
    this.isTimedOut = true;
    this.isRecovering = false;
    this.recoverTo = next - 1;
    this.window = 1;
  }

  private enter(ack: Acknowledgement): void {
    this.recoveries++;
    this.isRecovering = true;
    this.recoverTo = ack.next - 1;
    this.recoverFrom = ack.pipe + ack.lost + ack.delivered;
    this.recoveryDelivered = 0;
    this.recoverySent = 0;
    this.remember();
  }

  private remember(): void {
    this.epochStart = 0;
    this.lastMax = this.window < this.lastMax ? (this.window * (1 + BETA)) / 2 : this.window;
    this.threshold = Math.max(2, Math.floor(this.window * BETA));
  }

  private reduce(ack: Acknowledgement): void {
    this.recoveryDelivered += ack.delivered;
    let send: number;
    if (ack.pipe > this.threshold) {
      send = Math.ceil((this.recoveryDelivered * this.threshold) / this.recoverFrom) - this.recoverySent;
    } else {
      const limit = Math.max(this.recoveryDelivered - this.recoverySent, ack.delivered) + (ack.lost > 0 ? 0 : 1);
      send = Math.min(this.threshold - ack.pipe, limit);
    }
    this.window = ack.pipe + Math.max(send, this.recoverySent === 0 ? 1 : 0);
  }

  private avoidCongestion(delivered: number, now: number): void {
    if (this.epochStart === 0) {
      this.epochStart = now;
      this.friendly = this.window;
      this.origin = Math.max(this.lastMax, this.window);
      this.k = Math.cbrt((this.origin - this.window) / C);
    }
    const at = (now - this.epochStart + this.leastRtt) / 1e6;
    const target = this.origin + C * (at - this.k) ** 3;
    let count = target > this.window ? this.window / (target - this.window) : 100 * this.window;
    this.friendly += ((3 * (1 - BETA)) / (1 + BETA)) * (delivered / this.window);
    if (this.friendly > this.window) count = Math.min(count, this.window / (this.friendly - this.window));
    count = Math.max(count, 2);
    this.window += delivered / count;
  }
}
