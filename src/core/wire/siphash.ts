/**
 * SipHash-2-4 with a 64-bit tag (Aumasson, Bernstein 2012). A message is hashed as one piece (`tag`) or piece by piece (`begin`,
 * `update`..., `finish`); nothing is allocated. All hashes of a thread share one working memory: what `begin` starts has to reach
 * `finish` before another hash begins.
 */
import { hash, memory, STATE_BYTES } from './siphash-rounds.js';

const KEY_BYTES = 16;
const BLOCK_BYTES = 8;
/** Longest message: what is left of the page behind the state, with room for the last block. */
const MAX_MESSAGE_BYTES = memory.buffer.byteLength - STATE_BYTES - 2 * BLOCK_BYTES;

/** State and message. */
const working = new Uint8Array(memory.buffer);
const workingView = new DataView(memory.buffer);

/** "somepseudorandomlygeneratedbytes", the paper's initial state, as little-endian words. */
const INITIAL = [
  0x70736575, 0x736f6d65, 0x6e646f6d, 0x646f7261, 0x6e657261, 0x6c796765, 0x79746573, 0x74656462,
] as const;

/** A DataView reads unaligned words in one instruction; the one of the last buffer is kept. */
let source: Uint8Array = working;
let sourceView: DataView = workingView;

export class SipHash {
  /** The last tag: its bytes 0-3 and 4-7 as little-endian, signed 32-bit integers. */
  low = 0;
  high = 0;

  /** The state that the key gives. */
  private readonly initial = new Int32Array(INITIAL.length);
  /** Behind the message so far, in the working memory. */
  private end = STATE_BYTES;

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
    const { initial } = this;
    for (let i = 0; i < INITIAL.length; i++) workingView.setInt32(4 * i, initial[i], true);
    this.end = STATE_BYTES;
  }

  /** Throws RangeError when the message becomes longer than 64 KB less the state. */
  update(b: Uint8Array, at: number, bytes: number): void {
    let to = this.end;
    this.end = to + bytes;
    if (this.end > STATE_BYTES + MAX_MESSAGE_BYTES) throw new RangeError('too long a message for SipHash');
    if (b !== source) {
      source = b;
      sourceView = new DataView(b.buffer, b.byteOffset, b.byteLength);
    }
    const view = sourceView;
    let from = at;
    const behind = at + bytes;
    for (const last = behind - 4; from <= last; from += 4) {
      workingView.setInt32(to, view.getInt32(from));
      to += 4;
    }
    for (; from < behind; from++) working[to++] = b[from];
  }

  /** A 32-bit integer as four bytes, big endian. */
  update32(value: number): void {
    workingView.setInt32(this.end, value);
    this.end += 4;
  }

  /** Ends the message; the tag is in `low` and `high`. */
  finish(): void {
    const { end } = this;
    const bytes = end - STATE_BYTES;
    workingView.setInt32(end, 0);
    workingView.setInt32(end + 4, 0);
    const padded = STATE_BYTES + (bytes & -BLOCK_BYTES) + BLOCK_BYTES;
    working[padded - 1] = bytes;
    hash(padded);
    this.low = workingView.getInt32(0, true);
    this.high = workingView.getInt32(4, true);
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

/** Little endian. */
function word(b: Uint8Array, at: number): number {
  return b[at] | (b[at + 1] << 8) | (b[at + 2] << 16) | (b[at + 3] << 24);
}
