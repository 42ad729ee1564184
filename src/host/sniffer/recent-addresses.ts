import type { Address } from '../../core/io.js';

/** Addresses that were reported a short while ago; bounded, the oldest ones go first. */
export class RecentAddresses {
  /** Address to time of its report, ms; in order of that time. */
  private readonly reported = new Map<Address, number>();

  constructor(
    private readonly capacity: number,
    private readonly holdMs: number,
  ) {}

  /** Whether the address is due to be reported at `now` (ms); it counts as reported then. */
  isNew(address: Address, now: number): boolean {
    const last = this.reported.get(address);
    if (last !== undefined) {
      if (now - last < this.holdMs) return false;
      this.reported.delete(address);
    } else if (this.reported.size >= this.capacity) {
      const [oldest] = this.reported.keys();
      this.reported.delete(oldest);
    }
    this.reported.set(address, now);
    return true;
  }
}
