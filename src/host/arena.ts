import koffi from 'koffi';
import { Memory } from '../core/memory.js';

const HIGH_WORD = 2 ** 32;
/** Alignment of the block, so that offsets aligned in the block are aligned for the kernel too. */
const PAGE_BYTES = 4096;
/** A block of 64 MB straddles a 4 GB border once in 64 attempts. */
const ATTEMPTS = 16;

/**
 * One block of memory that both sides know: the core by offset, the kernel by address (`address` + offset). All of it lies between two
 * multiples of 4 GB, so that a pointer in a prepared structure changes with one 32-bit store.
 */
export class Arena implements Disposable {
  readonly memory: Memory;
  /** The block as 32-bit words in the machine's order: index = offset / 4. */
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  /** High word of every address of the block. */
  readonly highWord: number;

  private constructor(
    private readonly buffer: ArrayBuffer,
    start: number,
    bytes: number,
    /** Address of offset 0. */
    readonly address: number,
  ) {
    this.memory = new Memory(new Uint8Array(buffer, start, bytes));
    this.u32 = new Uint32Array(buffer, start, bytes >>> 2);
    this.i32 = new Int32Array(buffer, start, bytes >>> 2);
    this.highWord = Math.floor(address / HIGH_WORD);
  }

  /** A zeroed block of at least `bytes` bytes, page-aligned. */
  static allocate(bytes: number): Arena {
    const size = Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
    const unfit: ArrayBuffer[] = [];
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const buffer = new ArrayBuffer(size + PAGE_BYTES);
      const first = Number(koffi.address(buffer));
      const start = (PAGE_BYTES - (first % PAGE_BYTES)) % PAGE_BYTES;
      const address = first + start;
      if (Math.floor(address / HIGH_WORD) === Math.floor((address + size - 1) / HIGH_WORD)) {
        return new Arena(buffer, start, size, address);
      }
      unfit.push(buffer);
    }
    throw new RangeError(`no block of ${size} bytes within one 4 GB range was found`);
  }

  /** Low word of the address of an offset. */
  lowWord(offset: number): number {
    return (this.address + offset) >>> 0;
  }

  /** Lays out a 64-bit pointer to `offset` at `at` (a multiple of 4). */
  setPointer(at: number, offset: number): void {
    this.u32[at >>> 2] = this.lowWord(offset);
    this.u32[(at >>> 2) + 1] = this.highWord;
  }

  /** Gives the memory back at once: every view becomes empty, so that late use in JavaScript does nothing. */
  [Symbol.dispose](): void {
    if (this.buffer.byteLength > 0) structuredClone(this.buffer, { transfer: [this.buffer] });
  }
}
