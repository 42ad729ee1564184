import type { Memory } from './memory.js';

/**
 * Receive slots of one size, reference-counted: the host takes a slot (count 1), receives into it and gives it up after
 * `Node.fromWire`; the core retains it while parts of it wait in a reorder buffer or for the TUN device.
 */
export class SlotPool {
  private readonly base: number;
  private readonly references: Int32Array;
  private readonly free: Int32Array;
  private freeCount: number;

  constructor(
    memory: Memory,
    readonly count: number,
    readonly slotBytes: number,
  ) {
    this.base = memory.allocate(count * slotBytes);
    this.references = new Int32Array(count);
    this.free = new Int32Array(count);
    for (let i = 0; i < count; i++) this.free[i] = count - 1 - i;
    this.freeCount = count;
  }

  get available(): number {
    return this.freeCount;
  }

  offset(slot: number): number {
    return this.base + slot * this.slotBytes;
  }

  /** A free slot with one reference, or -1 when all are in use. */
  take(): number {
    if (this.freeCount === 0) return -1;
    const slot = this.free[--this.freeCount];
    this.references[slot] = 1;
    return slot;
  }

  retain(slot: number): void {
    this.references[slot]++;
  }

  release(slot: number): void {
    const left = --this.references[slot];
    if (left === 0) this.free[this.freeCount++] = slot;
    else if (left < 0) throw new Error(`slot ${slot} was released more often than retained`);
  }
}
