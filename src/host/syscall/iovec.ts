import type { GatherBatch } from '../../core/batch.js';
import type { Arena } from '../arena.js';

export const IOVEC_BYTES = 16;

/** UIO_MAXIOV: the kernel takes no more pieces in one call. */
const IOVEC_MAX = 1024;

/** An array of struct iovec over the arena, laid out once; only the low words change. */
export class IoVectors {
  readonly offset: number;
  readonly address: number;
  private readonly first: number;
  private readonly baseLow: number;

  constructor(
    private readonly arena: Arena,
    readonly capacity: number = IOVEC_MAX,
  ) {
    this.offset = arena.memory.allocate(capacity * IOVEC_BYTES);
    this.address = arena.address + this.offset;
    this.first = this.offset >>> 2;
    this.baseLow = arena.lowWord(0);
    for (let i = 0; i < capacity; i++) arena.setPointer(this.offset + i * IOVEC_BYTES, 0);
  }

  set(index: number, offset: number, bytes: number): void {
    const at = this.first + (index << 2);
    this.arena.u32[at] = this.baseLow + offset;
    this.arena.u32[at + 2] = bytes;
  }

  /** Lays out the pieces of a batch's message. Returns their bytes in all. */
  gather(batch: GatherBatch, message: number): number {
    const { u32 } = this.arena;
    const { pieceOffset, pieceBytes } = batch;
    const start = batch.firstPiece[message];
    const end = batch.firstPiece[message + 1];
    if (end - start > this.capacity) throw new RangeError(`a message of ${end - start} pieces`);
    let at = this.first;
    let total = 0;
    for (let piece = start; piece < end; piece++, at += 4) {
      const bytes = pieceBytes[piece];
      u32[at] = this.baseLow + pieceOffset[piece];
      u32[at + 2] = bytes;
      total += bytes;
    }
    return total;
  }
}
