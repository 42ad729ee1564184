import { long, putLong, putWord, word } from './packet.js';

/** The TCP options that the simulated hosts use (RFC 9293 3.2, RFC 7323, RFC 2018). */
export interface TcpOptions {
  readonly maxSegment?: number;
  readonly windowShift?: number;
  readonly timestamps?: { readonly value: number; readonly echo: number };
  /** Blocks of sequence numbers received: first, and the one after the last. */
  readonly sack?: readonly (readonly [number, number])[];
}

export function writeOptions({ maxSegment, windowShift, timestamps, sack = [] }: TcpOptions): Uint8Array {
  const out = new Uint8Array(
    (maxSegment ? 4 : 0) +
      (windowShift === undefined ? 0 : 4) +
      (timestamps === undefined ? 0 : 12) +
      (sack.length === 0 ? 0 : 4 + 8 * sack.length),
  );
  let at = 0;
  if (maxSegment !== undefined) {
    out.set([2, 4], at);
    putWord(out, at + 2, maxSegment);
    at += 4;
  }
  if (windowShift !== undefined) {
    out.set([1, 3, 3, windowShift], at);
    at += 4;
  }
  if (timestamps !== undefined) {
    out.set([1, 1, 8, 10], at);
    putLong(out, at + 4, timestamps.value >>> 0);
    putLong(out, at + 8, timestamps.echo >>> 0);
    at += 12;
  }
  if (sack.length > 0) {
    out.set([1, 1, 5, 2 + 8 * sack.length], at);
    sack.forEach(([first, end], i) => {
      putLong(out, at + 4 + 8 * i, first);
      putLong(out, at + 8 + 8 * i, end);
    });
  }
  return out;
}

export function readOptions(bytes: Uint8Array): TcpOptions {
  const found: { -readonly [K in keyof TcpOptions]: TcpOptions[K] } = {};
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    if (bytes[at] === 1) {
      at++;
      continue;
    }
    if (bytes[at] === 2) found.maxSegment = word(bytes, at + 2);
    else if (bytes[at] === 3) found.windowShift = bytes[at + 2]!;
    else if (bytes[at] === 8) found.timestamps = { value: long(bytes, at + 2), echo: long(bytes, at + 6) };
    else if (bytes[at] === 5) {
      const blocks: [number, number][] = [];
      for (let i = at + 2; i < at + bytes[at + 1]!; i += 8) blocks.push([long(bytes, i), long(bytes, i + 4)]);
      found.sack = blocks;
    }
    at += Math.max(2, bytes[at + 1]!);
  }
  return found;
}
