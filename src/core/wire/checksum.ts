/**
 * The Internet checksum (RFC 1071) in three steps: add up parts (`sum`), reduce to 16 bits (`fold`), complement (`checksum`).
 * A sum is a non-negative Number that need not be reduced between parts: carries cannot get lost below 2^53.
 */

/** Unfolded sum of `bytes` bytes from any offset, as big-endian 16-bit words; a part of odd length is padded with 0 at its end. */
export function sum(b: Uint8Array, at: number, bytes: number, initial = 0): number {
  // High and low bytes apart: 64 KB stay within 31 bits, so the loop is integer additions only.
  let high = 0;
  let low = 0;
  let i = at;
  const end = at + bytes;
  for (const last = end - 16; i <= last; i += 16) {
    high += b[i] + b[i + 2] + b[i + 4] + b[i + 6] + b[i + 8] + b[i + 10] + b[i + 12] + b[i + 14];
    low += b[i + 1] + b[i + 3] + b[i + 5] + b[i + 7] + b[i + 9] + b[i + 11] + b[i + 13] + b[i + 15];
  }
  for (const last = end - 2; i <= last; i += 2) {
    high += b[i];
    low += b[i + 1];
  }
  if (i < end) high += b[i];
  return initial + high * 256 + low;
}

/** One's complement reduction of a sum to 16 bits, not complemented. */
export function fold(sum: number): number {
  // 2^32 = 1 mod 65535, so the part above 32 bits is added like any other word.
  const above = Math.floor(sum / 0x1_0000_0000);
  const below = sum >>> 0;
  let folded = (below >>> 16) + (below & 0xffff) + (above >>> 16) + (above & 0xffff);
  folded = (folded >>> 16) + (folded & 0xffff);
  return (folded >>> 16) + (folded & 0xffff);
}

/** The complemented 16-bit checksum; 0 over data whose checksum field is right. */
export function checksum(b: Uint8Array, at: number, bytes: number, initial = 0): number {
  return ~fold(sum(b, at, bytes, initial)) & 0xffff;
}

/**
 * Unfolded sum of the pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1) of a transport header plus payload of
 * `transportBytes` bytes behind the IP header at `ipAt`.
 */
export function pseudoHeaderSum(
  b: Uint8Array,
  ipAt: number,
  version: number,
  protocol: number,
  transportBytes: number,
): number {
  const rest = protocol + transportBytes;
  return version === 4 ? sum(b, ipAt + 12, 8, rest) : sum(b, ipAt + 8, 32, rest);
}
