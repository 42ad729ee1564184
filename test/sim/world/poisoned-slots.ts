import type { Memory } from '../../../src/core/memory.js';
import { SlotPool } from '../../../src/core/slots.js';

export const SLOT_BYTES = 65_536;
const SLOTS = 512;
/** Memory that nobody may use any more reads as this. */
export const POISON = 0xa5;

/** A slot that is given up is overwritten at once, so that a late reader of it is found out. */
export class PoisonedSlotPool extends SlotPool {
  private readonly filled = new Int32Array(SLOTS);

  constructor(private readonly memory: Memory) {
    super(memory, SLOTS, SLOT_BYTES);
  }

  fill(slot: number, parts: readonly Uint8Array[]): void {
    let at = this.offset(slot);
    for (const part of parts) {
      this.memory.bytes.set(part, at);
      at += part.length;
    }
    this.filled[slot] = at - this.offset(slot);
  }

  override release(slot: number): void {
    const before = this.available;
    super.release(slot);
    const at = this.offset(slot);
    if (this.available > before) this.memory.bytes.fill(POISON, at, at + this.filled[slot]!);
  }
}
