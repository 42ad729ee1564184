/** IPv4 header (RFC 791). */
import { set16 } from '../memory.js';
import { checksum } from './checksum.js';

/** Offsets within the header. */
export const field = {
  /** Version (high 4 bits) and header length in units of 4 bytes. */
  versionAndLength: 0,
  /** DSCP (high 6 bits) and ECN. */
  trafficClass: 1,
  totalBytes: 2,
  identification: 4,
  /** Flags (high 3 bits) and fragment offset in units of 8 bytes. */
  fragment: 6,
  timeToLive: 8,
  protocol: 9,
  checksum: 10,
  source: 12,
  destination: 16,
} as const;

/** Bytes of a header without options. */
export const HEADER_BYTES = 20;

/** In the 16 bits at `field.fragment`. */
export const DONT_FRAGMENT = 0x4000;
export const MORE_FRAGMENTS = 0x2000;
export const FRAGMENT_OFFSET = 0x1fff;

/** Computes the header checksum anew; needed after any change of the header. `headerBytes` includes options. */
export function writeHeaderChecksum(b: Uint8Array, at: number, headerBytes: number): void {
  set16(b, at + field.checksum, 0);
  set16(b, at + field.checksum, checksum(b, at, headerBytes));
}

/** Writes a complete header without options. `totalBytes` includes it; addresses are 4 bytes. */
export function writeIpv4(
  b: Uint8Array,
  at: number,
  totalBytes: number,
  trafficClass: number,
  identification: number,
  fragment: number,
  timeToLive: number,
  protocol: number,
  source: Uint8Array,
  destination: Uint8Array,
): void {
  b[at + field.versionAndLength] = 0x45;
  b[at + field.trafficClass] = trafficClass;
  set16(b, at + field.totalBytes, totalBytes);
  set16(b, at + field.identification, identification);
  set16(b, at + field.fragment, fragment);
  b[at + field.timeToLive] = timeToLive;
  b[at + field.protocol] = protocol;
  for (let i = 0; i < 4; i++) {
    b[at + field.source + i] = source[i];
    b[at + field.destination + i] = destination[i];
  }
  writeHeaderChecksum(b, at, HEADER_BYTES);
}
