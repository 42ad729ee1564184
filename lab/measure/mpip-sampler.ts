/** Reads mpipd's view of its paths while a workload runs. */
import type { PathStatus } from '../../src/core/status.js';
import type { DaemonStatus } from '../../src/daemon/api.js';
import { every, type Periodic } from './periodic.js';

const PERIOD_MS = 500;

/** null: it does not run at the moment. */
export type StatusSource = () => Promise<DaemonStatus | null>;

/** [seconds since `since`, value] */
export type StatusPoint = [number, number];

/** What a sender knew of the paths that start at its interfaces. */
export class MpipSampler implements AsyncDisposable {
  private readonly samples: { time: number; status: DaemonStatus }[] = [];
  private readonly periodic: Periodic;

  private constructor(source: StatusSource, periodMs: number) {
    this.periodic = every(periodMs, async () => {
      const time = performance.now() / 1000;
      const status = await source();
      if (status !== null) this.samples.push({ time, status });
    });
  }

  static start(source: StatusSource, periodMs: number = PERIOD_MS): MpipSampler {
    return new MpipSampler(source, periodMs);
  }

  /** Rejects with what the status source threw. */
  stop(): Promise<void> {
    return this.periodic.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.periodic.stop();
  }

  /** The latest status; undefined before the first. */
  get last(): DaemonStatus | undefined {
    return this.samples.at(-1)?.status;
  }

  /** With the seconds since `since`. */
  statuses(since: number, until: number): [number, DaemonStatus][] {
    return this.samples
      .filter(({ time }) => time >= since && time <= until)
      .map(({ time, status }) => [time - since, status]);
  }

  /** A value of the live paths of an interface over time; nothing where the interface has no live path or the value is unknown. */
  over(device: string, value: (path: PathStatus) => number | null, since: number, until: number): StatusPoint[] {
    const points: StatusPoint[] = [];
    for (const { time, status } of this.samples) {
      if (time < since || time > until) continue;
      const known = status.paths
        .filter((path) => path.interface === device && path.state === 'live')
        .map(value)
        .filter((v) => v !== null);
      if (known.length > 0) points.push([time - since, known.reduce((sum, v) => sum + v, 0)]);
    }
    return points;
  }
}
