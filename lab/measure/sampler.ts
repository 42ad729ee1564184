/** Reads a receiver's interface counters while a workload runs. */
import type { LabNode } from '../running/node.js';
import { every, type Periodic } from './periodic.js';
import { meanRate, type Reading } from './rates.js';

const PERIOD_MS = 100;
/** A live display shows the mean of this much. */
const LIVE_SECONDS = 1;

type CountedNode = Pick<LabNode, 'interfaces' | 'counters'>;

/** A link, and the end that counts what it carries. */
export interface CountedPlace {
  readonly link: string;
  readonly node: CountedNode;
  readonly interface: string;
}

export interface LiveRate {
  readonly link: string;
  /** bit/s on the wire, over the last second. */
  readonly rate: number;
}

/**
 * Bytes that were received, link by link, as counted by interfaces: whole frames with their Ethernet header, which is what a
 * shaper counts too. Time is `performance.now()` in seconds.
 */
export class LinkSampler implements AsyncDisposable {
  private readonly readings = new Map<string, Reading[]>();
  private readonly periodic: Periodic;

  private constructor(
    private readonly places: readonly CountedPlace[],
    onSample: ((live: LiveRate[]) => void) | undefined,
    periodMs: number,
  ) {
    for (const { link } of places) this.readings.set(link, []);
    this.periodic = every(periodMs, () => {
      this.read();
      onSample?.(this.live());
    });
  }

  /** Starts at once; `onSample` is called after each reading. */
  static start(node: CountedNode, onSample?: (live: LiveRate[]) => void, periodMs: number = PERIOD_MS): LinkSampler {
    const places = node.interfaces.map(({ name, link }): CountedPlace => ({ node, interface: name, link }));
    return new LinkSampler(places, onSample, periodMs);
  }

  /** The same for links wherever they are, each counted at one of its ends. */
  static startAt(
    places: readonly CountedPlace[],
    onSample?: (live: LiveRate[]) => void,
    periodMs: number = PERIOD_MS,
  ): LinkSampler {
    return new LinkSampler(places, onSample, periodMs);
  }

  /** In the order that they were given in; a node's in order of its interfaces. */
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
    for (const node of new Set(this.places.map((place) => place.node))) {
      for (const { interface: device, rxBytes } of node.counters()) {
        const place = this.places.find((own) => own.node === node && own.interface === device);
        if (place !== undefined) this.readings.get(place.link)?.push({ time, bytes: rxBytes });
      }
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
