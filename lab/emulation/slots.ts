/** Equal pieces of one block of memory, each held by one packet or by several copies of it. */
export class Slots {
  readonly #free: Int32Array;
  readonly #holders: Uint8Array;
  #freeCount: number;

  constructor(readonly count: number) {
    // The lowest are given out first, so that little memory is ever touched.
    this.#free = new Int32Array(count);
    for (let i = 0; i < count; i++) this.#free[i] = count - 1 - i;
    this.#holders = new Uint8Array(count);
    this.#freeCount = count;
  }

  get free(): number {
    return this.#freeCount;
  }

  /** -1 when all are held. */
  take(): number {
    if (this.#freeCount === 0) return -1;
    const slot = this.#free[--this.#freeCount];
    this.#holders[slot] = 1;
    return slot;
  }

  /** One more holder. */
  share(slot: number): void {
    this.#holders[slot]++;
  }

  /** One holder fewer; the slot is free after the last. */
  release(slot: number): void {
    if (this.#holders[slot] === 0) throw new RangeError(`slot ${slot} is free already`);
    if (--this.#holders[slot] === 0) this.#free[this.#freeCount++] = slot;
  }
}
