/** struct virtio_net_hdr_v1 (virtio 1.2 section 5.1.6) in front of every packet of the TUN device. Little endian. */

/** Bytes of the header. 12 rather than 10, so that the IP header behind it is aligned to 4 bytes. */
export const VNET_BYTES = 12;

/** Offsets within the header. */
const field = {
  flags: 0,
  gsoType: 1,
  headerBytes: 2,
  gsoBytes: 4,
  checksumStart: 6,
  checksumOffset: 8,
  buffers: 10,
} as const;

/** `flags`: the checksum field holds only the pseudo header's sum and has to be completed. */
export const NEEDS_CSUM = 1;

/** `gsoType`; ECN is or-ed to the TCP types when the first segment carries CWR. */
export const GSO_NONE = 0;
export const GSO_TCPV4 = 1;
export const GSO_TCPV6 = 4;
export const GSO_UDP_L4 = 5;
export const GSO_ECN = 0x80;

function get16(b: Uint8Array, at: number): number {
  return b[at] | (b[at + 1] << 8);
}

function set16(b: Uint8Array, at: number, value: number): void {
  b[at] = value;
  b[at + 1] = value >>> 8;
}

export function flags(b: Uint8Array, at: number): number {
  return b[at + field.flags];
}

/** The type without the ECN bit. */
export function gsoType(b: Uint8Array, at: number): number {
  return b[at + field.gsoType] & ~GSO_ECN;
}

/** Payload bytes of each segment but the last. */
export function gsoBytes(b: Uint8Array, at: number): number {
  return get16(b, at + field.gsoBytes);
}

/** Where summing starts, bytes from the start of the IP header. */
export function checksumStart(b: Uint8Array, at: number): number {
  return get16(b, at + field.checksumStart);
}

/** Where the checksum goes, bytes from `checksumStart`. */
export function checksumOffset(b: Uint8Array, at: number): number {
  return get16(b, at + field.checksumOffset);
}

/** Header of a packet whose checksums are complete and that is not to be cut. */
export function writePlain(b: Uint8Array, at: number): void {
  b.fill(0, at, at + VNET_BYTES);
}

/** Header of a packet that the kernel may cut and whose checksum it may leave open. `headerBytes`: IP plus transport header. */
export function writeVnet(
  b: Uint8Array,
  at: number,
  flags: number,
  gsoType: number,
  headerBytes: number,
  gsoBytes: number,
  checksumStart: number,
  checksumOffset: number,
): void {
  b[at + field.flags] = flags;
  b[at + field.gsoType] = gsoType;
  set16(b, at + field.headerBytes, headerBytes);
  set16(b, at + field.gsoBytes, gsoBytes);
  set16(b, at + field.checksumStart, checksumStart);
  set16(b, at + field.checksumOffset, checksumOffset);
  set16(b, at + field.buffers, 0);
}
