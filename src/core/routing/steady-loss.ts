/** A window ends with the first report after so long and so many packets. */
const WINDOW_US = 100_000;
const WINDOW_PACKETS = 100;
/** Of the last WINDOWS windows at least LOSSY must have seen losses: a queue that overflows once fills two at most. */
const WINDOWS = 5;
const LOSSY = 3;
/** Losses become known up to so long after a queue overflowed. */
const OVERFLOW_US = 200_000;
/** Less is no loss. */
const LEAST_SHARE = 1e-4;

/**
 * The share of packets that a path loses all the time, as a radio link does, apart from the losses of a queue that overflows now and then: those
 * tell a sender to slow down, the others only look as if they did.
 */
export class SteadyLoss {
  /** 0 to 1. */
  share = 0;
  private readonly packets = new Float64Array(WINDOWS);
  private readonly lost = new Float64Array(WINDOWS);
  /** The window that is being filled, and when it began. */
  private current = 0;
  private since = Number.NEGATIVE_INFINITY;
  private fullAt = Number.NEGATIVE_INFINITY;

  /** Of a path that nothing shows to have recovered: its loss shrinks to this share of it. */
  fade(kept: number): void {
    this.share = this.share < LEAST_SHARE ? 0 : this.share * kept;
  }

  /**
   * So many packets arrived since the last call, and so many did not.
   *
   * @param isFull the queue may have overflowed all the while: what it had no room for says nothing of the link
   */
  report(arrived: number, lost: number, isFull: boolean, now: number): void {
    if (isFull) this.fullAt = now;
    const ofLink = now - this.fullAt < OVERFLOW_US ? 0 : lost;
    if (this.since === Number.NEGATIVE_INFINITY) this.since = now;
    this.packets[this.current] += arrived + ofLink;
    this.lost[this.current] += ofLink;
    if (now - this.since < WINDOW_US || this.packets[this.current] < WINDOW_PACKETS) return;
    let lossy = 0;
    let allPackets = 0;
    let allLost = 0;
    for (let i = 0; i < WINDOWS; i++) {
      if (this.lost[i] > 0) lossy++;
      allPackets += this.packets[i];
      allLost += this.lost[i];
    }
    this.share = lossy < LOSSY ? 0 : allLost / allPackets;
    this.current = (this.current + 1) % WINDOWS;
    this.packets[this.current] = 0;
    this.lost[this.current] = 0;
    this.since = now;
  }
}
