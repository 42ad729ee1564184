import type { SlotPool } from '../../core/slots.js';

/** Receive slots taken for the next call: what it does not fill stays for the call after it. */
export class ArmedSlots {
  /** The first `count` of them are armed. */
  readonly slots: Int32Array;
  count = 0;

  constructor(
    private readonly pool: SlotPool,
    private readonly capacity: number,
  ) {
    this.slots = new Int32Array(capacity);
  }

  /** Takes as many as there is room for and the pool has. Returns where the new ones begin; the last is before `count`. */
  fill(): number {
    const first = this.count;
    while (this.count < this.capacity) {
      const slot = this.pool.take();
      if (slot < 0) break;
      this.slots[this.count++] = slot;
    }
    return first;
  }

  /** The first `used` are the caller's; the others move to the front. */
  keepUnused(used: number): void {
    this.slots.copyWithin(0, used, this.count);
    this.count -= used;
  }
}
