import type { Path } from '../tables/paths.js';
import { MAX_WEIGHT, MIN_WEIGHT, type Scheduler } from './scheduler.js';

/** S of the paper, section 3.5.1. */
const STEP = 10;
const PATH_IDS = 256;

/** The paper's Algorithm 1: weights follow queuing delays, each packet takes path k with probability W_k / sum W. */
export class PaperScheduler implements Scheduler {
  readonly name = 'paper';
  run = 1;
  /** By path id; 0 = has none yet. */
  private readonly weights = new Int32Array(PATH_IDS);
  /** Already drawn for the packet after the run; undefined = nothing drawn. */
  private drawn: Path | undefined;
  private state: number;

  /** @param seed of the packets' random choice, any 32-bit number */
  constructor(seed: number) {
    this.state = seed | 0 || 1;
  }

  choose(paths: readonly Path[], _segmentBytes: number, segments: number, _now: number): Path {
    // Another rule may have left a draw that is not among these paths.
    const path = this.drawn !== undefined && paths.includes(this.drawn) ? this.drawn : this.draw(paths);
    this.drawn = undefined;
    this.run = 1;
    while (this.run < segments) {
      const next = this.draw(paths);
      if (next !== path) {
        this.drawn = next;
        break;
      }
      this.run++;
    }
    return path;
  }

  trial(): undefined {}

  sent(): void {}

  delaySample(): void {}

  pathsChanged(paths: readonly Path[]): void {
    this.drawn = undefined;
    for (const path of paths) {
      if (this.weights[path.id] === 0)
        this.weights[path.id] = Math.max(MIN_WEIGHT, Math.round(MAX_WEIGHT / paths.length));
    }
    for (let id = 0; id < PATH_IDS; id++) {
      if (this.weights[id] !== 0 && !paths.some((path) => path.id === id)) this.weights[id] = 0;
    }
  }

  adjust(paths: readonly Path[]): void {
    let average = 0;
    for (const path of paths) average += path.delay.queuing / paths.length;
    for (const path of paths) {
      const weight = this.weights[path.id];
      this.weights[path.id] =
        path.delay.queuing <= average ? Math.min(weight + STEP, MAX_WEIGHT) : Math.max(weight - STEP, MIN_WEIGHT);
    }
  }

  weight(path: Path): number {
    return this.weights[path.id];
  }

  private draw(paths: readonly Path[]): Path {
    let total = 0;
    for (let i = 0; i < paths.length; i++) total += this.weights[paths[i].id];
    let at = Math.floor((this.random() / 0x1_0000_0000) * total);
    for (let i = 0; i < paths.length - 1; i++) {
      at -= this.weights[paths[i].id];
      if (at < 0) return paths[i];
    }
    return paths[paths.length - 1];
  }

  /** xorshift32 (Marsaglia 2003), 32 bits. */
  private random(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return x >>> 0;
  }
}
