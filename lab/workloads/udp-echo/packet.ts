/** A datagram of the UDP echo: number and time of sending, then filling. */

export const HEADER_BYTES = 12;

/** Big endian: number (4 bytes), microseconds of the machine's clock (8). */
export function writeHeader(packet: Buffer, sequence: number, timeUs: number): void {
  packet.writeUInt32BE(sequence, 0);
  packet.writeBigUInt64BE(BigInt(timeUs), 4);
}

export function sequenceOf(packet: Buffer): number {
  return packet.readUInt32BE(0);
}
