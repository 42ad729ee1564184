/** The Internet checksum (RFC 1071), written apart from the core so that each checks the other. */

/** Sum of the 16-bit words of bytes[from, to), carries folded in. */
export function sum(bytes: Uint8Array, from: number, to: number, initial = 0): number {
  let total = initial;
  let at = from;
  for (; at + 1 < to; at += 2) total += (bytes[at]! << 8) | bytes[at + 1]!;
  if (at < to) total += bytes[at]! << 8;
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

/** Folded sum of the pseudo-header of RFC 9293 3.1 and RFC 8200 8.1: addresses, protocol, length of the transport packet. */
export function pseudoHeaderSum(packet: Uint8Array, protocol: number, length: number): number {
  const addresses = packet[0]! >> 4 === 4 ? sum(packet, 12, 20) : sum(packet, 8, 40);
  let total = addresses + protocol + (length >>> 16) + (length & 0xffff);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}
