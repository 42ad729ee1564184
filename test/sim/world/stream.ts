import { Random } from './random.js';

/** Block length: prime, so that a shift by any segment or power of two shows. */
const PERIOD = 65_521;
const cache = new Map<number, Uint8Array>();

/** Pseudo-random bytes by seed and position; what was sent can be checked anywhere without being kept. */
export class Content {
  private readonly block: Uint8Array;

  constructor(seed: number) {
    // A handful of blocks serves all streams: a stream reads one of them from a place of its own.
    const which = seed & 7;
    let block = cache.get(which);
    if (block === undefined) {
      block = new Random(0x5eed + which).bytes(PERIOD);
      cache.set(which, block);
    }
    this.block = block;
    this.shift = new Random(seed).integer(0, PERIOD - 1);
  }

  private readonly shift: number;

  read(position: number, length: number): Uint8Array {
    const out = new Uint8Array(length);
    let at = (position + this.shift) % PERIOD;
    for (let done = 0; done < length; ) {
      const part = this.block.subarray(at, Math.min(PERIOD, at + length - done));
      out.set(part, done);
      done += part.length;
      at = 0;
    }
    return out;
  }

  /** Whether `bytes` are what stands at `position`. */
  matches(position: number, bytes: Uint8Array): boolean {
    return Buffer.compare(this.read(position, bytes.length), bytes) === 0;
  }
}
