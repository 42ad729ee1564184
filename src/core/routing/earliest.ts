import type { Path } from '../tables/paths.js';
import { MAX_WEIGHT, MIN_WEIGHT, type Scheduler, WEIGHT_INTERVAL_US } from './scheduler.js';

const PATH_IDS = 256;
/** Packets stay on one path for at least this long of its capacity: long runs are cheap at high rates, at low rates it is one packet. */
const RUN_US = 100;

/**
 * Sends each packet where it will arrive first. Per path it keeps the time at which the bottleneck will have sent all that it has been
 * given (`free`), from the path's capacity and corrected by every delay that the peer feeds back:
 *
 *     arrival = max(now, free) + bytes / rate + D_min
 *
 * Where flows fill all queues, this makes them equally long, and a path whose delay exceeds the others' queues is left alone.
 */
export class EarliestScheduler implements Scheduler {
  readonly name = 'earliest';
  run = 1;
  private readonly free = new Float64Array(PATH_IDS);
  private readonly histories: (SendHistory | undefined)[] = new Array(PATH_IDS).fill(undefined);
  /** Bytes since the last `adjust`, and the shares that came of them. */
  private readonly bytes = new Float64Array(PATH_IDS);
  private readonly weights = new Float64Array(PATH_IDS);

  choose(paths: readonly Path[], segmentBytes: number, segments: number, now: number): Path {
    let best = paths[0];
    let bestArrival = this.arrival(best, segmentBytes, now);
    let secondArrival = Number.POSITIVE_INFINITY;
    for (let i = 1; i < paths.length; i++) {
      const arrival = this.arrival(paths[i], segmentBytes, now);
      if (arrival < bestArrival) {
        secondArrival = bestArrival;
        bestArrival = arrival;
        best = paths[i];
      } else if (arrival < secondArrival) {
        secondArrival = arrival;
      }
    }
    if (secondArrival === Number.POSITIVE_INFINITY) {
      this.run = segments;
    } else {
      const ahead = Math.max(secondArrival - bestArrival, RUN_US);
      this.run = Math.max(1, Math.min(segments, Math.floor((ahead * best.capacity.rate) / segmentBytes)));
    }
    return best;
  }

  sent(path: Path, bytes: number, now: number): void {
    const { id } = path;
    this.free[id] = Math.max(this.free[id], now) + bytes / path.capacity.rate;
    this.bytes[id] += bytes;
    this.history(id).add(bytes, now);
  }

  /** The packet of `rtt` ago met a queue of Q; what has been sent since stands behind it. */
  delaySample(path: Path, rtt: number, now: number): void {
    const { id } = path;
    const history = this.history(id);
    const sentAt = now - rtt;
    const queuing = path.delay.latest - path.delay.min;
    this.free[id] = sentAt + queuing + history.since(sentAt) / path.capacity.rate;
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

  private arrival(path: Path, bytes: number, now: number): number {
    return Math.max(this.free[path.id], now) + bytes / path.capacity.rate + path.delay.min;
  }

  private history(id: number): SendHistory {
    this.histories[id] ??= new SendHistory();
    return this.histories[id];
  }
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
