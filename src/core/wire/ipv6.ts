/** IPv6 header and extension headers (RFC 8200). */
import { set16 } from '../memory.js';

/** Offsets within the fixed header. */
export const field = {
  /** Version (high 4 bits), traffic class (8 bits: DSCP 6, ECN 2), flow label (20 bits). */
  versionClassFlow: 0,
  /** Everything behind the fixed header, extension headers too. */
  payloadBytes: 4,
  nextHeader: 6,
  hopLimit: 7,
  source: 8,
  destination: 24,
} as const;

/** Bytes of the fixed header. */
export const HEADER_BYTES = 40;

/** Offsets within an extension header. */
export const extension = {
  nextHeader: 0,
  /** In units of 8 bytes, not counting the first 8. */
  length: 1,
  /** Routing header only. */
  segmentsLeft: 3,
} as const;

/** Values of `nextHeader` that stand for extension headers (IANA protocol numbers). */
export const HOP_BY_HOP = 0;
export const ROUTING = 43;
export const FRAGMENT = 44;
export const DESTINATION_OPTIONS = 60;

/** Writes the fixed header. `payloadBytes` is what follows it; addresses are 16 bytes. */
export function writeIpv6(
  b: Uint8Array,
  at: number,
  payloadBytes: number,
  trafficClass: number,
  flowLabel: number,
  hopLimit: number,
  nextHeader: number,
  source: Uint8Array,
  destination: Uint8Array,
): void {
  b[at] = 0x60 | (trafficClass >>> 4);
  b[at + 1] = (trafficClass << 4) | ((flowLabel >>> 16) & 0x0f);
  set16(b, at + 2, flowLabel);
  set16(b, at + field.payloadBytes, payloadBytes);
  b[at + field.nextHeader] = nextHeader;
  b[at + field.hopLimit] = hopLimit;
  for (let i = 0; i < 16; i++) {
    b[at + field.source + i] = source[i];
    b[at + field.destination + i] = destination[i];
  }
}
