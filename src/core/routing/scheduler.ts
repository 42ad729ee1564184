import type { SchedulerName } from '../config.js';
import type { Path } from '../tables/paths.js';

/**
 * How all-paths mode splits packets over paths. One scheduler serves one peer. To add one: implement this in a file of its own and
 * name it in `schedulers.ts`. Times us, sizes bytes on the wire with IP and UDP headers. No allocation in `choose` and `sent`.
 */
export interface Scheduler {
  readonly name: SchedulerName;

  /** Set by `choose`: how many of the segments the path is to take, at least 1. */
  run: number;

  /**
   * The path for the next packets.
   * @param paths the usable ones, at least one
   * @param segmentBytes size of each packet
   * @param segments how many there are
   */
  choose(paths: readonly Path[], segmentBytes: number, segments: number, now: number): Path;

  /**
   * A path that is left alone, for what it loses or as too slow, and is to get a copy of a packet, for the peer to count: whether it still is so.
   * Never a metered one. `paths` as for `choose`, without those that its rule does not take.
   */
  trial(paths: readonly Path[], segmentBytes: number, now: number): Path | undefined;

  /** Packets of `bytes` in all have been given to the path. */
  sent(path: Path, bytes: number, now: number): void;

  /** A new delay sample stands in `path.delay`; `rtt` is the age of the packet that it tells of. */
  delaySample(path: Path, rtt: number, now: number): void;

  /** `paths` are the usable ones from now on. */
  pathsChanged(paths: readonly Path[], now: number): void;

  /** Called each WEIGHT_INTERVAL_US while data flows. */
  adjust(paths: readonly Path[], now: number): void;

  /** Table 5's weight, 1 to 1000. */
  weight(path: Path): number;
}

/** T of the paper, section 3.5.1. */
export const WEIGHT_INTERVAL_US = 100_000;
export const MAX_WEIGHT = 1000;
export const MIN_WEIGHT = 1;
