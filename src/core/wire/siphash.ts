/**
 * SipHash-2-4 with a 64-bit tag (Aumasson, Bernstein 2012). A message is hashed as one piece (`tag`) or piece by piece (`begin`,
 * `update`..., `finish`); nothing is allocated. All hashes of a thread share one working memory: what `begin` starts has to reach
 * `finish` before another hash begins.
 */
import { compress, memory, STATE_BYTES } from './siphash-rounds.js';

const KEY_BYTES = 16;

/** State and message as 32-bit words. */
const words = new Int32Array(memory.buffer);
const MESSAGE = STATE_BYTES / 4;
/** Where the message is compressed before more of it comes: a whole number of blocks, more than a CM and the longest TCP header. */
const FULL = MESSAGE + 64;

/** "somepseudorandomlygeneratedbytes", the paper's initial state, as little-endian words. */
const INITIAL = [
  0x70736575, 0x736f6d65, 0x6e646f6d, 0x646f7261, 0x6e657261, 0x6c796765, 0x79746573, 0x74656462,
] as const;

export class SipHash {
  /** The last tag: its bytes 0-3 and 4-7 as little-endian, signed 32-bit integers. */
  low = 0;
  high = 0;

  /** The state that the key gives. */
  private readonly initial = new Int32Array(INITIAL.length);
  /** Behind the last whole word of the message. */
  private end = MESSAGE;
  /** Bytes behind the last whole word, lowest first, and their count in bits. */
  private pending = 0;
  private pendingBits = 0;
  private messageBytes = 0;

  /** Throws RangeError when the key has not 16 bytes. */
  setKey(key: Uint8Array): void {
    if (key.length !== KEY_BYTES) throw new RangeError(`a SipHash key has ${KEY_BYTES} bytes, not ${key.length}`);
    for (const [i, constant] of INITIAL.entries()) this.initial[i] = constant ^ word(key, 4 * (i & 3));
  }

  /** Hashes one piece. */
  tag(b: Uint8Array, at: number, bytes: number): void {
    this.begin();
    this.update(b, at, bytes);
    this.finish();
  }

  begin(): void {
    const initial = this.initial;
    for (let i = 0; i < MESSAGE; i++) words[i] = initial[i];
    this.end = MESSAGE;
    this.pending = 0;
    this.pendingBits = 0;
    this.messageBytes = 0;
  }

  update(b: Uint8Array, at: number, bytes: number): void {
    this.messageBytes += bytes;
    const shift = this.pendingBits;
    let pending = this.pending;
    let end = this.end;
    let i = at;
    const behind = at + bytes;
    for (const last = behind - 4; i <= last; i += 4) {
      const next = word(b, i);
      words[end++] = pending | (next << shift);
      // What the shift pushed out; in two steps, since a shift by 32 would be one by 0.
      pending = (next >>> 1) >>> (31 - shift);
      if (end === FULL) end = compressAll();
    }
    let rest = 0;
    let restBits = 0;
    for (; i < behind; i++) {
      rest |= b[i] << restBits;
      restBits += 8;
    }
    pending |= rest << shift;
    if (shift + restBits >= 32) {
      words[end++] = pending;
      pending = (rest >>> 1) >>> (31 - shift);
      if (end === FULL) end = compressAll();
    }
    this.pending = pending;
    this.pendingBits = (shift + restBits) & 31;
    this.end = end;
  }

  /** A 32-bit integer as four bytes, big endian. */
  update32(value: number): void {
    this.messageBytes += 4;
    const next = (value >>> 24) | ((value >>> 8) & 0xff00) | ((value << 8) & 0xff0000) | (value << 24);
    words[this.end++] = this.pending | (next << this.pendingBits);
    this.pending = (next >>> 1) >>> (31 - this.pendingBits);
    if (this.end === FULL) this.end = compressAll();
  }

  /** Ends the message; the tag is in `low` and `high`. */
  finish(): void {
    let end = this.end;
    const length = this.messageBytes << 24;
    if ((end & 1) === 0) {
      words[end++] = this.pending;
      words[end++] = length;
    } else {
      words[end++] = this.pending | length;
    }
    compress(end << 2, 1);
    this.low = words[0];
    this.high = words[1];
  }

  writeTag(b: Uint8Array, at: number): void {
    const { low, high } = this;
    b[at] = low;
    b[at + 1] = low >>> 8;
    b[at + 2] = low >>> 16;
    b[at + 3] = low >>> 24;
    b[at + 4] = high;
    b[at + 5] = high >>> 8;
    b[at + 6] = high >>> 16;
    b[at + 7] = high >>> 24;
  }

  /** Whether the eight bytes at `at` are the last tag; takes the same time whatever they are. */
  equalTag(b: Uint8Array, at: number): boolean {
    return ((word(b, at) ^ this.low) | (word(b, at + 4) ^ this.high)) === 0;
  }
}

/** Works the full working memory into the state. Returns where the message goes on. */
function compressAll(): number {
  compress(FULL << 2, 0);
  return MESSAGE;
}

/** Little endian. */
function word(b: Uint8Array, at: number): number {
  return b[at] | (b[at + 1] << 8) | (b[at + 2] << 16) | (b[at + 3] << 24);
}
