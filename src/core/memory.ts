/**
 * The one block of memory that packets live in. The host knows it by address, the core by offset; nobody copies a payload.
 * Integers on the wire are big endian and start at any byte, so they are read and written byte by byte.
 */
export class Memory {
  private used = 0;

  constructor(readonly bytes: Uint8Array) {}

  /** Reserves `size` bytes for good. Returns their offset. Throws RangeError when the block is full. */
  allocate(size: number, align = 64): number {
    const offset = Math.ceil(this.used / align) * align;
    if (offset + size > this.bytes.length) {
      throw new RangeError(`memory block of ${this.bytes.length} bytes is full: ${size} more were asked for`);
    }
    this.used = offset + size;
    return offset;
  }
}

export function get16(b: Uint8Array, at: number): number {
  return (b[at] << 8) | b[at + 1];
}

/** Signed 32 bits; `>>> 0` makes them unsigned. */
export function get32(b: Uint8Array, at: number): number {
  return (b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3];
}

export function set16(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 8;
  b[at + 1] = value;
}

export function set24(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 16;
  b[at + 1] = value >>> 8;
  b[at + 2] = value;
}

export function get24(b: Uint8Array, at: number): number {
  return (b[at] << 16) | (b[at + 1] << 8) | b[at + 2];
}

export function set32(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 24;
  b[at + 1] = value >>> 16;
  b[at + 2] = value >>> 8;
  b[at + 3] = value;
}
