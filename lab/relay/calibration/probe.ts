/** The frames that measure a link: of an EtherType for experiments, to an address that no bridge forwards. */

/** IEEE 802, local experimental EtherType 1. */
export const PROBE_ETHERTYPE = 0x88b5;
/** The nearest bridge's group address (IEEE 802.1Q, table 8-1): it stays on its link. */
const DESTINATION = [0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e];
/** Locally administered. */
const SOURCE = [0x02, 0x00, 0x00, 0x00, 0x00, 0x01];
const ADDRESSES = [...DESTINATION, ...SOURCE];
const field = { ETHERTYPE: 12, MAGIC: 14, DIRECTION: 18, SEQUENCE: 20 } as const;
const MAGIC = 0x4d50_4943;

/** Smallest frame of Ethernet, without its checksum. */
export const PROBE_BYTES_MIN = 60;

/** Lays out the head of a probe; what follows is padding. */
export function writeProbe(view: DataView, at: number, direction: number, sequence: number): void {
  for (let i = 0; i < ADDRESSES.length; i++) view.setUint8(at + i, ADDRESSES[i] ?? 0);
  view.setUint16(at + field.ETHERTYPE, PROBE_ETHERTYPE);
  view.setUint32(at + field.MAGIC, MAGIC);
  view.setUint16(at + field.DIRECTION, direction);
  view.setUint32(at + field.SEQUENCE, sequence);
}

/** Sequence number of a probe of this direction; -1 for any other frame. */
export function readProbe(view: DataView, at: number, bytes: number, direction: number): number {
  if (bytes < PROBE_BYTES_MIN || view.getUint16(at + field.ETHERTYPE) !== PROBE_ETHERTYPE) return -1;
  if (view.getUint32(at + field.MAGIC) !== MAGIC || view.getUint16(at + field.DIRECTION) !== direction) return -1;
  return view.getUint32(at + field.SEQUENCE);
}
