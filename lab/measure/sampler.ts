/** Reads a receiver's interface counters while a workload runs. */
import type { LabNode } from '../lab.js';
import { every, type Periodic } from './periodic.js';
import { meanRate, type Reading } from './rates.js';

const PERIOD_MS = 100;
/** A live display shows the mean of this much. */
const LIVE_SECONDS = 1;

type CountedNode = Pick<LabNode, 'interfaces' | 'counters'>;

export interface LiveRate {
  readonly link: string;
  /** bit/s on the wire, over the last second. */
  readonly rate: number;
}

/**
 * Bytes that a node received, link by link, as counted by its interfaces: whole frames with their Ethernet header, which is what a
 * shaper counts too. Time is `performance.now()` in seconds.
 */
export class LinkSampler implements AsyncDisposable {
  private readonly readings = new Map<string, Reading[]>();
  private readonly linkOf: ReadonlyMap<string, string>;
  private readonly periodic: Periodic;

  private constructor(
    private readonly node: CountedNode,
    onSample: ((live: LiveRate[]) => void) | undefined,
    periodMs: number,
  ) {
    this.linkOf = new Map(node.interfaces.map(({ name, link }) => [name, link]));
    for (const { link } of node.interfaces) this.readings.set(link, []);
    this.periodic = every(periodMs, () => {
      this.read();
      onSample?.(this.live());
    });
  }

  /** Starts at once; `onSample` is called after each reading. */
  static start(node: CountedNode, onSample?: (live: LiveRate[]) => void, periodMs: number = PERIOD_MS): LinkSampler {
    return new LinkSampler(node, onSample, periodMs);
  }

  /** Links of the node, in order of its interfaces. */
  get links(): string[] {
    return [...this.readings.keys()];
  }

  of(link: string): readonly Reading[] {
    return this.readings.get(link) ?? [];
  }

  /** Takes a last reading. Idempotent. */
  async stop(): Promise<void> {
    await this.periodic.stop();
    this.read();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.periodic.stop();
  }

  private read(): void {
    const time = performance.now() / 1000;
    for (const counters of this.node.counters()) {
      const link = this.linkOf.get(counters.interface);
      if (link !== undefined) this.readings.get(link)?.push({ time, bytes: counters.rxBytes });
    }
  }

  private live(): LiveRate[] {
    return [...this.readings].map(([link, readings]) => {
      const end = readings.at(-1)?.time ?? 0;
      const start = Math.max(end - LIVE_SECONDS, readings[0]?.time ?? 0);
      return { link, rate: (end > start ? meanRate(readings, start, end) : null) ?? 0 };
    });
  }
}
