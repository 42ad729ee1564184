const FIRST_CAPACITY = 64;

/** A FIFO of packets: a time (us), a slot of the memory that holds it, its bytes. Grows as it has to; nothing is allocated per packet. */
export class PacketQueue {
  #times = new Float64Array(FIRST_CAPACITY);
  #slots = new Int32Array(FIRST_CAPACITY);
  #bytes = new Int32Array(FIRST_CAPACITY);
  #first = 0;
  #length = 0;
  #totalBytes = 0;

  get length(): number {
    return this.#length;
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  push(time: number, slot: number, bytes: number): void {
    if (this.#length === this.#times.length) this.#grow();
    const at = (this.#first + this.#length) & (this.#times.length - 1);
    this.#times[at] = time;
    this.#slots[at] = slot;
    this.#bytes[at] = bytes;
    this.#length++;
    this.#totalBytes += bytes;
  }

  /** Of the packet at `index` from the front; Infinity behind the last. */
  time(index = 0): number {
    return index < this.#length
      ? this.#times[(this.#first + index) & (this.#times.length - 1)]
      : Number.POSITIVE_INFINITY;
  }

  slot(index = 0): number {
    return this.#slots[(this.#first + index) & (this.#slots.length - 1)];
  }

  bytes(index = 0): number {
    return this.#bytes[(this.#first + index) & (this.#bytes.length - 1)];
  }

  /** Takes the first `count` packets off. */
  shift(count = 1): void {
    for (let i = 0; i < count; i++) this.#totalBytes -= this.bytes(i);
    this.#first = (this.#first + count) & (this.#times.length - 1);
    this.#length -= count;
  }

  #grow(): void {
    const capacity = this.#times.length * 2;
    const times = new Float64Array(capacity);
    const slots = new Int32Array(capacity);
    const bytes = new Int32Array(capacity);
    for (let i = 0; i < this.#length; i++) {
      times[i] = this.time(i);
      slots[i] = this.slot(i);
      bytes[i] = this.bytes(i);
    }
    this.#times = times;
    this.#slots = slots;
    this.#bytes = bytes;
    this.#first = 0;
  }
}
