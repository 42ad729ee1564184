import { fold, sum } from '../../core/wire/checksum.js';

/**
 * The core's `fold(sum(...))` over `bytes` bytes at any offset of an arena, in steps of 8 bytes by its 32-bit words: whole payloads are added
 * up here. Words are in the order of the machines that the host layer knows, little endian; sums of either order are each other's with
 * their two bytes exchanged (RFC 1071 section 2 (B)).
 */
export function wordSum(b: Uint8Array, u32: Uint32Array, at: number, bytes: number): number {
  const lead = Math.min((4 - (at & 3)) & 3, bytes);
  const end = at + bytes;
  let low = 0;
  let high = 0;
  let i = (at + lead) >>> 2;
  const last = end >>> 2;
  for (; i < last - 1; i += 2) {
    const first = u32[i];
    const second = u32[i + 1];
    low += (first & 0xffff) + (second & 0xffff);
    high += (first >>> 16) + (second >>> 16);
  }
  if (i < last) {
    low += u32[i] & 0xffff;
    high += u32[i] >>> 16;
    i++;
  }
  const tail = Math.max(i << 2, at + lead);
  const rest = exchanged(fold(low + high)) + sum(b, tail, end - tail);
  const isOdd = (lead & 1) === 1;
  return fold(sum(b, at, lead) + (isOdd ? exchanged(fold(rest)) : rest));
}

/** Of 16 bits: as behind an odd number of bytes. */
export function exchanged(folded: number): number {
  return ((folded & 0xff) << 8) | (folded >>> 8);
}
