/** UDP header (RFC 768). */
import { set16 } from '../memory.js';

export const PROTOCOL_UDP = 17;

/** Offsets within the header. */
export const field = {
  sourcePort: 0,
  destinationPort: 2,
  /** Header and payload, bytes; the IP payload may be longer (surplus area, RFC 9868). */
  length: 4,
  checksum: 6,
} as const;

export const HEADER_BYTES = 8;

/** Writes the header with checksum 0. `length` is header plus payload, bytes. */
export function writeUdp(b: Uint8Array, at: number, sourcePort: number, destinationPort: number, length: number): void {
  set16(b, at + field.sourcePort, sourcePort);
  set16(b, at + field.destinationPort, destinationPort);
  set16(b, at + field.length, length);
  set16(b, at + field.checksum, 0);
}
