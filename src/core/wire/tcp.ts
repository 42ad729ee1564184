/** TCP header (RFC 9293). */
import { set16, set32 } from '../memory.js';

export const PROTOCOL_TCP = 6;

/** Offsets within the header. */
export const field = {
  sourcePort: 0,
  destinationPort: 2,
  sequence: 4,
  acknowledgment: 8,
  /** Header length in units of 4 bytes (high 4 bits). */
  dataOffset: 12,
  flags: 13,
  window: 14,
  checksum: 16,
  urgent: 18,
} as const;

/** Bytes of a header without options. */
export const HEADER_BYTES = 20;

/** In the byte at `field.flags`. */
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const URG = 0x20;
export const ECE = 0x40;
export const CWR = 0x80;

/** Writes the first 20 bytes, with checksum 0. `headerBytes` includes options, which the caller writes behind them. */
export function writeTcp(
  b: Uint8Array,
  at: number,
  sourcePort: number,
  destinationPort: number,
  sequence: number,
  acknowledgment: number,
  headerBytes: number,
  flags: number,
  window: number,
): void {
  set16(b, at + field.sourcePort, sourcePort);
  set16(b, at + field.destinationPort, destinationPort);
  set32(b, at + field.sequence, sequence);
  set32(b, at + field.acknowledgment, acknowledgment);
  b[at + field.dataOffset] = (headerBytes >>> 2) << 4;
  b[at + field.flags] = flags;
  set16(b, at + field.window, window);
  set16(b, at + field.checksum, 0);
  set16(b, at + field.urgent, 0);
}
