import type { Address } from '../io.js';
import type { AvailabilityStatus } from '../status.js';
import { Timer } from '../timers.js';

/** Queries that go unanswered before a destination counts as not available (the authors' limit). */
export const QUERY_LIMIT = 5;

/** One destination of Table 2. */
export class AvailabilityEntry {
  availability: 'unknown' | 'true' | 'false' = 'unknown';
  queryCount = 0;
  /** Nonce of the running query: only a welcome that echoes it counts. */
  readonly nonce = new Uint8Array(8);
  /** How long until the destination may be queried again, us; doubles with every refusal. */
  backOffUs = 0;
  /** `true` only: the node that answered, by its CM key. */
  node = 0;
  /** `false` only: from when traffic to it may query again, us. */
  retryAt = 0;
  readonly retry: Timer;

  constructor(
    readonly address: Address,
    readonly port: number,
    /** A configured peer: queried for ever, whether traffic is seen or not. */
    readonly configured: boolean,
    retry: (entry: AvailabilityEntry, now: number) => void,
  ) {
    this.retry = new Timer((now) => retry(this, now));
  }

  status(): AvailabilityStatus {
    return {
      address: this.address,
      port: this.port,
      availability: this.availability,
      queryCount: this.queryCount,
    };
  }
}
