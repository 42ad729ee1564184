/**
 * The surplus area of a UDP packet: bytes between the UDP length and the IP length, which a plain host does not look at (RFC 9868).
 *
 *     [0 when the UDP length is odd] [option checksum 2] [kind 127 (EXP), length, experiment id 2, data]
 */
import { get16, set16 } from '../memory.js';
import { fold, sum } from '../wire/checksum.js';

/** Kind of an experimental option that whoever does not know it ignores (RFC 9868 section 11.10). */
const EXPERIMENTAL = 127;
/** "mp". */
const EXPERIMENT_ID = 0x6d70;
const OPTION_HEADER_BYTES = 4;
const CHECKSUM_BYTES = 2;
/** Bytes around the data, without the one that may pad. */
export const SURPLUS_HEADER_BYTES = CHECKSUM_BYTES + OPTION_HEADER_BYTES;

/** Bytes that data of `bytes` takes behind a UDP header and payload of `udpBytes`. */
export function surplusBytes(udpBytes: number, bytes: number): number {
  return (udpBytes & 1) + SURPLUS_HEADER_BYTES + bytes;
}

/** Where the data goes, given where the UDP header's `udpBytes` end. */
export function surplusDataAt(end: number, udpBytes: number): number {
  return end + surplusBytes(udpBytes, 0);
}

/**
 * Completes a surplus area at `end` whose data of `bytes` bytes is in place. With its checksum the one's complement sum of the area and its
 * length is 0, so that middleboxes that sum the whole IP payload find the UDP checksum right.
 */
export function writeSurplus(b: Uint8Array, end: number, udpBytes: number, bytes: number): void {
  const dataAt = surplusDataAt(end, udpBytes);
  const checksumAt = dataAt - SURPLUS_HEADER_BYTES;
  if (checksumAt > end) b[end] = 0;
  b[dataAt - 4] = EXPERIMENTAL;
  b[dataAt - 3] = OPTION_HEADER_BYTES + bytes;
  set16(b, dataAt - 2, EXPERIMENT_ID);
  set16(b, checksumAt, 0);
  const total = surplusBytes(udpBytes, bytes);
  // 0 would mean "no checksum"; its other form adds the same.
  set16(b, checksumAt, ~fold(sum(b, checksumAt, dataAt + bytes - checksumAt, total)) & 0xffff || 0xffff);
}

/** Where our option's data starts in the surplus area between `end` and `ipEnd`, -1 = there is none of `bytes` bytes. */
export function findSurplus(b: Uint8Array, end: number, udpBytes: number, ipEnd: number, bytes: number): number {
  if (ipEnd - end !== surplusBytes(udpBytes, bytes)) return -1;
  const dataAt = surplusDataAt(end, udpBytes);
  const isOurs =
    b[dataAt - 4] === EXPERIMENTAL &&
    b[dataAt - 3] === OPTION_HEADER_BYTES + bytes &&
    get16(b, dataAt - 2) === EXPERIMENT_ID;
  return isOurs ? dataAt : -1;
}
