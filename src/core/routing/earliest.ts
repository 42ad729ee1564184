import type { Path } from '../tables/paths.js';
import { MAX_WEIGHT, MIN_WEIGHT, type Scheduler, WEIGHT_INTERVAL_US } from './scheduler.js';

const PATH_IDS = 256;
/** Packets stay on one path for at least this long of its capacity: long runs are cheap at high rates, at low rates it is one packet. */
const RUN_US = 100;
/**
 * How much later than on the best path a packet may arrive on another, as a share of the time that it would wait in the best path's queue. All
 * that is behind it in a stream is held up meanwhile, and no acknowledgement comes that would let more out: with 1 the queue is empty when they
 * come, and the path stands idle from the first wrong estimate on; with 0 a queue overflows before a path that is slower by what it holds is used.
 */
const EVASION = 0.7;
/**
 * What steady losses cost: a path that loses LOSS_FULL or more counts as later by LOSS_US and a round trip. A stream takes each loss for a queue
 * that overflowed and sends at a fraction of what the paths carry, so such a path is of use only when the others' queues are long: and so
 * long that they do not run empty when the stream slows down.
 */
const LOSS_US = 30_000;
const LOSS_FULL = 0.01;
/** A path that carries less than this share of the fastest one's rate adds nothing, and each of its packets holds up many. */
const LEAST_SHARE = 0.02;
/** Copies to a path that is left alone are so far apart at least, and take this share of its rate at most. */
const TRIAL_US = 10_000;
const TRIAL_SHARE = 0.25;
/** The packet that a delay tells of was sent at most so much before it seems to have been: the peer's delays wait for a packet to go with. */
const AMBIGUITY_US = 10_000;

/**
 * Sends each packet where it will arrive first. Per path it keeps the time at which the bottleneck will have sent all that it has been
 * given (`free`), from the path's capacity and corrected by every delay that the peer feeds back:
 *
 *     arrival = queue + bytes / rate + D_min,    queue = max(0, free - now)
 *
 * A queue counts for more than a distance: a packet may come later by EVASION x queue, if it leaves room there. So where flows fill all
 * queues they are equally long on paths of equal length; a longer path is used before the others' queues overflow, and left alone where that
 * would let them run empty.
 */
export class EarliestScheduler implements Scheduler {
  readonly name = 'earliest';
  run = 1;
  private readonly free = new Float64Array(PATH_IDS);
  private readonly sentAt = new Float64Array(PATH_IDS).fill(Number.NEGATIVE_INFINITY);
  private readonly histories: (SendHistory | undefined)[] = new Array(PATH_IDS).fill(undefined);
  /** Bytes since the last `adjust`, and the shares that came of them. */
  private readonly bytes = new Float64Array(PATH_IDS);
  private readonly weights = new Float64Array(PATH_IDS);

  choose(paths: readonly Path[], segmentBytes: number, segments: number, now: number): Path {
    const leastRate = leastUsefulRate(paths);
    let best = paths[0];
    let bestCost = Number.POSITIVE_INFINITY;
    let secondCost = Number.POSITIVE_INFINITY;
    for (let i = 0; i < paths.length; i++) {
      if (paths[i].capacity.rate < leastRate) continue;
      const cost = this.cost(paths[i], segmentBytes, now);
      if (cost < bestCost) {
        secondCost = bestCost;
        bestCost = cost;
        best = paths[i];
      } else if (cost < secondCost) {
        secondCost = cost;
      }
    }
    if (secondCost === Number.POSITIVE_INFINITY) {
      this.run = segments;
    } else {
      const ahead = Math.max((secondCost - bestCost) / (1 + EVASION), RUN_US);
      this.run = Math.max(1, Math.min(segments, Math.floor((ahead * best.capacity.rate) / segmentBytes)));
    }
    return best;
  }

  trial(paths: readonly Path[], segmentBytes: number, now: number): Path | undefined {
    const leastRate = leastUsefulRate(paths);
    for (let i = 0; i < paths.length; i++) {
      const { id, capacity, steadyLoss, isMetered } = paths[i];
      // Copies would be paid for and deliver nothing: once its loss has faded, packets that are needed anyway try it.
      if (isMetered || (steadyLoss.share === 0 && capacity.rate >= leastRate)) continue;
      const interval = Math.max(TRIAL_US, segmentBytes / (TRIAL_SHARE * capacity.rate));
      if (now - this.sentAt[id] >= interval) return paths[i];
    }
    return undefined;
  }

  sent(path: Path, bytes: number, now: number): void {
    const { id } = path;
    this.sentAt[id] = now;
    this.free[id] = Math.max(this.free[id], now) + bytes / path.capacity.rate;
    this.bytes[id] += bytes;
    this.history(id).add(bytes, now);
  }

  /**
   * The packet of `rtt` ago met a queue of Q; what has been sent since stands behind it. Which packet of a burst it was is not known, nor how
   * long its delay has waited at the peer: the estimate moves no further than what holds for one of those that it may be.
   */
  delaySample(path: Path, rtt: number, now: number): void {
    const { id } = path;
    const { rate } = path.capacity;
    const history = this.history(id);
    const queuing = path.delay.latest - path.delay.min;
    const latest = now - rtt;
    const earliest = latest - AMBIGUITY_US;
    const least = latest + queuing + history.since(latest) / rate;
    const most = Math.max(least, earliest + queuing + history.since(earliest) / rate);
    this.free[id] = Math.min(Math.max(this.free[id], least), most);
  }

  pathsChanged(paths: readonly Path[]): void {
    for (let id = 0; id < PATH_IDS; id++) {
      if (this.histories[id] !== undefined && !paths.some((path) => path.id === id)) {
        this.histories[id] = undefined;
        this.free[id] = 0;
        this.bytes[id] = 0;
        this.weights[id] = 0;
      }
    }
  }

  adjust(paths: readonly Path[]): void {
    let total = 0;
    for (const path of paths) {
      total += this.bytes[path.id];
      path.capacity.untested(this.bytes[path.id], WEIGHT_INTERVAL_US, path.delay.queuing);
    }
    if (total === 0) return;
    for (const path of paths) {
      const share = (MAX_WEIGHT * this.bytes[path.id]) / total;
      const before = this.weights[path.id];
      this.weights[path.id] = before === 0 ? share : before + (share - before) / 4;
      this.bytes[path.id] = 0;
    }
  }

  weight(path: Path): number {
    return Math.max(MIN_WEIGHT, Math.round(this.weights[path.id]));
  }

  private cost(path: Path, bytes: number, now: number): number {
    const queue = Math.max(this.free[path.id] - now, 0);
    const loss = Math.min(1, path.steadyLoss.share / LOSS_FULL) * (LOSS_US + path.rtt);
    return path.delay.min + bytes / path.capacity.rate + (1 + EVASION) * queue + loss;
  }

  private history(id: number): SendHistory {
    this.histories[id] ??= new SendHistory();
    return this.histories[id];
  }
}

/** bytes/us below which a path is left alone. */
function leastUsefulRate(paths: readonly Path[]): number {
  let fastest = 0;
  for (let i = 0; i < paths.length; i++) {
    const { known, rate } = paths[i].capacity;
    if (known && rate > fastest) fastest = rate;
  }
  return fastest * LEAST_SHARE;
}

const HISTORY = 1024;
/** Sends closer together than this share an entry: the history reaches back at least HISTORY times as far. */
const HISTORY_STEP_US = 250;

/** What has been sent on a path and when, as far back as a packet may be under way. */
class SendHistory {
  private readonly time = new Float64Array(HISTORY);
  /** All bytes sent before the entry's time. */
  private readonly before = new Float64Array(HISTORY);
  private head = 0;
  private count = 0;
  private total = 0;

  add(bytes: number, now: number): void {
    if (this.count === 0 || now - this.time[this.head] >= HISTORY_STEP_US) {
      this.head = (this.head + 1) % HISTORY;
      if (this.count < HISTORY) this.count++;
      this.time[this.head] = now;
      this.before[this.head] = this.total;
    }
    this.total += bytes;
  }

  /** Bytes sent after `at`, to the grain of an entry. */
  since(at: number): number {
    // Smallest number of entries back from the newest whose time is not after `at`.
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.time[this.index(middle)] <= at) high = middle;
      else low = middle + 1;
    }
    if (low === 0) return 0;
    return this.total - this.before[this.index(low - 1)];
  }

  private index(back: number): number {
    return (this.head - back + HISTORY) % HISTORY;
  }
}
