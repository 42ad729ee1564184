/** What a path without a known round trip is taken to carry at first. */
const INITIAL_RATE = 1250; // bytes/us = 10 Gbit/s
/** Else at first so much a round trip: a slow start that doubles it keeps ahead of the reports, a burst does not drown a slow path. */
const INITIAL_WINDOW_BYTES = 128 * 1024;
/** And at least this: less would not be tried at all. */
const LEAST_INITIAL_RATE = 0.5; // bytes/us = 4 Mbit/s
const MAX_RATE = 12_500;
/** Shortest stretch of arrivals that gives a rate. */
const MIN_STRETCH_US = 10_000;
/** An arrival stretch that is older than this says nothing about now. */
const MAX_STRETCH_US = 500_000;
/**
 * A queue is there when every packet of a stretch waited longer than this, and than two full packets take at the rate at which the stretch
 * arrived. Few packets that a busy machine picks up late, such as acknowledgements, are none.
 */
const QUEUE_US = 1_000;
const FULL_PACKET_BYTES = 1_500;
/**
 * How far above the delivered rate a path without a queue is believed to carry. That alone makes an estimate grow: while less is sent than the
 * path is believed to carry, an empty queue proves nothing, and an estimate that grew all the same would flood the path at its next use.
 */
const HEADROOM = 1.25;
/** The same while the path has never shown a queue. */
const INITIAL_HEADROOM = 2;
const GAIN = 0.5;
/**
 * Only where a full packet is believed to take longer than this an estimate grows with the time without a queue (by a factor e in GROWTH_US):
 * so slow a path gets nothing that could tell more. Packets that wait for half as long as it would take are no sign of a faster path, and lone
 * ones that wait for longer are one of a slower path.
 */
const SLOW_PACKET_US = 5_000;
const GROWTH_US = 1_000_000;
/** By so much an estimate grows in each WEIGHT_INTERVAL_US while next to nothing is sent, up to what the path has carried before. */
const RECOVERY = 1.5;
/** After a try in vain the next one is so much later. A packet that such a path gets holds up what is behind it. */
const LEAST_PATIENCE_US = 1_000_000;
const MOST_PATIENCE_US = 10_000_000;
/** Above this share of what it has carried a path is loaded: on the mean of LOAD_INTERVALS, so that a pause does not hide the queue. */
const LOADED = 0.5;
const LOAD_INTERVALS = 8;
/** An estimate that exceeds what a queued path delivers by more has grown for want of data; it is dropped. */
const OVERESTIMATE = 2;

/**
 * Capacity of a path from the receiver's reports: bytes over the time in which they arrived. While packets queue, what arrives is
 * what the path carries; while none does, it carries at least that, and a little more is tried.
 */
export class CapacityEstimator {
  /** bytes/us. */
  rate = INITIAL_RATE;
  known = false;
  /** The most that the path delivered while it was queued, halved by each vain try to get there again. */
  private peak = 0;
  /** An estimate that has grown untested, and from where: 0 = none has. */
  private recoversFrom = 0;
  /** How long an estimate that is not put to the test waits until it grows, us; doubled by each vain try. */
  private patience = 0;
  private waited = 0;
  /** What is sent as a share of `peak`, smoothed. */
  private load = 0;
  private bytes = 0;
  private arrival = 0;
  private started = false;

  /**
   * A round trip over the path is known, us, before anything was sent; and how many paths go over one of its NICs, which may be what limits
   * all of them.
   */
  begin(rtt: number, sharers: number): void {
    if (!this.known && !this.started) {
      this.rate = Math.min(INITIAL_RATE, Math.max(LEAST_INITIAL_RATE, INITIAL_WINDOW_BYTES / rtt / sharers));
    }
  }

  /**
   * @param bytes received so far on the path, mod 2^32
   * @param arrival receiver's clock at the last of them, us mod 2^32
   * @param leastQueuing smallest queuing delay since the last report, us
   */
  report(bytes: number, arrival: number, leastQueuing: number): void {
    if (!this.started) {
      this.restart(bytes, arrival);
      return;
    }
    const stretch = (arrival - this.arrival) | 0;
    if (stretch < MIN_STRETCH_US) return;
    const delivered = (bytes - this.bytes) >>> 0;
    this.restart(bytes, arrival);
    if (stretch > MAX_STRETCH_US || delivered === 0) return;
    const packetTime = FULL_PACKET_BYTES / this.rate;
    const slow = this.known && packetTime > SLOW_PACKET_US;
    const isSlower = slow && leastQueuing > 1.5 * packetTime;
    const sample = isSlower ? Math.max(delivered / stretch, FULL_PACKET_BYTES / leastQueuing) : delivered / stretch;
    const queued = isSlower || leastQueuing > Math.max(QUEUE_US, (2 * FULL_PACKET_BYTES) / sample);
    if (queued) {
      const isNear = this.known && this.rate < OVERESTIMATE * sample;
      if (this.recoversFrom > 0) this.tried(sample);
      this.rate = isNear ? this.rate + (sample - this.rate) * GAIN : sample;
      this.known = true;
      if (!isSlower) this.peak = Math.max(this.peak, sample);
    } else {
      const grown = slow && leastQueuing < packetTime / 2 ? this.rate * (1 + stretch / GROWTH_US) : this.rate;
      this.rate = Math.max(grown, sample * (this.known ? HEADROOM : INITIAL_HEADROOM));
    }
    this.rate = Math.min(this.rate, MAX_RATE);
  }

  /** Whether a queue may stand on the path all the time. Known where the scheduler calls `untested`. */
  get isLoaded(): boolean {
    return this.load > LOADED;
  }

  /**
   * Called each `us` with what was sent meanwhile. An estimate that is not put to the test goes back to what the path has carried before: a path
   * that was slow for a while would else get nothing that could tell how fast it is now.
   */
  untested(sent: number, us: number, queuing: number): void {
    if (this.peak > 0) this.load += (Math.min(1, sent / (this.peak * us)) - this.load) / LOAD_INTERVALS;
    const isTested = sent > (this.rate * us) / 2 || (sent > 0 && queuing > QUEUE_US);
    if (!this.known || isTested || this.rate >= this.peak) return;
    this.waited += us;
    if (this.waited <= this.patience) return;
    if (this.recoversFrom === 0) this.recoversFrom = this.rate;
    this.rate = Math.min(this.rate * RECOVERY, this.peak);
  }

  /** A queue shows what an estimate that has grown untested is worth. */
  private tried(sample: number): void {
    const isVain = sample < this.recoversFrom * HEADROOM;
    if (isVain) this.peak = Math.max(this.peak / 2, this.recoversFrom);
    this.patience = isVain ? Math.min(Math.max(2 * this.patience, LEAST_PATIENCE_US), MOST_PATIENCE_US) : 0;
    this.waited = 0;
    this.recoversFrom = 0;
  }

  private restart(bytes: number, arrival: number): void {
    this.started = true;
    this.bytes = bytes;
    this.arrival = arrival;
  }
}
