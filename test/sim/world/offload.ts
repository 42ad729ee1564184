import { pseudoHeaderSum } from './checksum.js';
import {
  CWR,
  FIN,
  finishChecksum,
  finishIpHeader,
  ICMP,
  ICMPV6,
  long,
  type Outgoing,
  PacketError,
  PSH,
  parseIp,
  parseTcp,
  parseUdp,
  putLong,
  putWord,
  TCP,
  transportChecksumRight,
  UDP,
  word,
} from './packet.js';
import type { Random } from './random.js';

/** Segmentation offload as Linux does it, and the border of a TUN device with IFF_VNET_HDR. */
export const VNET_HEADER_BYTES = 12;
const NEEDS_CSUM = 1;
const DATA_VALID = 2;
const GSO_TCPV4 = 1;
const GSO_TCPV6 = 4;
const GSO_UDP_L4 = 5;
const GSO_ECN = 0x80;
/** UDP_MAX_SEGMENTS of kernels before 6.7. */
const MAX_UDP_SEGMENTS = 64;

/** Cuts a packet or super-packet into plain packets with complete checksums. */
export function cut(outgoing: Outgoing): Uint8Array[] {
  const { packet, transportOffset, protocol, segmentBytes } = outgoing;
  const header = transportOffset + (protocol === TCP ? (packet[transportOffset + 12]! >> 4) * 4 : 8);
  const payloadBytes = packet.length - header;
  const size = segmentBytes === 0 ? Math.max(payloadBytes, 1) : segmentBytes;
  const count = Math.max(1, Math.ceil(payloadBytes / size));
  const pieces: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const from = header + i * size;
    const to = Math.min(packet.length, from + size);
    const piece = new Uint8Array(header + to - from);
    piece.set(packet.subarray(0, header));
    piece.set(packet.subarray(from, to), header);
    if (piece[0]! >> 4 === 4) putWord(piece, 4, (word(packet, 4) + i) & 0xffff);
    finishIpHeader(piece, transportOffset);
    if (protocol === TCP) {
      putLong(piece, transportOffset + 4, (long(packet, transportOffset + 4) + i * size) >>> 0);
      if (i < count - 1) piece[transportOffset + 13]! &= ~(FIN | PSH);
      if (i > 0) piece[transportOffset + 13]! &= ~CWR;
    } else {
      putWord(piece, transportOffset + 4, piece.length - transportOffset);
    }
    const field = transportOffset + (protocol === TCP ? 16 : 6);
    putWord(piece, field, pseudoHeaderSum(piece, protocol, piece.length - transportOffset));
    finishChecksum(piece, transportOffset, protocol);
    pieces.push(piece);
  }
  return pieces;
}

/** What a read from the TUN device gives: virtio_net_hdr + packet. `random` picks among the forms that Linux gives. */
export function toTun(outgoing: Outgoing, random: Random): Uint8Array {
  const { packet, transportOffset, protocol, segmentBytes } = outgoing;
  const message = new Uint8Array(VNET_HEADER_BYTES + packet.length);
  if (segmentBytes === 0 && random.chance(0.2)) {
    // A packet whose checksum was completed earlier comes without flags.
    message.set(cut(outgoing)[0]!, VNET_HEADER_BYTES);
    return message;
  }
  message.set(packet, VNET_HEADER_BYTES);
  message[0] = NEEDS_CSUM;
  putLittle(message, 6, transportOffset);
  putLittle(message, 8, protocol === TCP ? 16 : 6);
  if (segmentBytes === 0) return message;
  message[1] = protocol === UDP ? GSO_UDP_L4 : packet[0]! >> 4 === 4 ? GSO_TCPV4 : GSO_TCPV6;
  // hdr_len is skb_headlen: a hint that may exceed the headers, up to the whole packet.
  const header = transportOffset + (protocol === TCP ? (packet[transportOffset + 12]! >> 4) * 4 : 8);
  putLittle(message, 2, random.chance(0.5) ? header : random.integer(header, packet.length));
  putLittle(message, 4, segmentBytes);
  return message;
}

/** A complete packet that the kernel has made itself. */
export function plainToTun(packet: Uint8Array): Uint8Array {
  const message = new Uint8Array(VNET_HEADER_BYTES + packet.length);
  message.set(packet, VNET_HEADER_BYTES);
  return message;
}

/**
 * What the kernel makes of a message written to the TUN device: plain packets with complete checksums. Stricter than the kernel:
 * every field must be what it claims. Throws PacketError.
 */
export function fromTun(message: Uint8Array): Uint8Array[] {
  const flags = message[0]!;
  const type = message[1]! & ~GSO_ECN;
  const headerLength = little(message, 2);
  const segmentBytes = little(message, 4);
  const start = little(message, 6);
  const offset = little(message, 8);
  const packet = message.subarray(VNET_HEADER_BYTES);
  const ip = parseIp(packet);
  if (
    (ip.protocol === ICMP || ip.protocol === ICMPV6) &&
    message.subarray(0, VNET_HEADER_BYTES).every((b) => b === 0)
  ) {
    if (!transportChecksumRight(ip)) throw new PacketError(`checksum of protocol ${ip.protocol} is wrong`);
    return [packet.slice()];
  }
  if (ip.protocol !== TCP && ip.protocol !== UDP)
    throw new PacketError(`protocol ${ip.protocol} through the TUN device`);
  const header = ip.headerBytes + (ip.protocol === TCP ? 20 + parseTcp(ip).options.length : 8);
  if (ip.protocol === UDP) parseUdp(ip);
  if ((flags & ~(NEEDS_CSUM | DATA_VALID)) !== 0) throw new PacketError(`virtio_net_hdr flags ${flags}`);
  if ((flags & NEEDS_CSUM) !== 0) {
    if (start !== ip.headerBytes) throw new PacketError(`csum_start ${start}, IP header of ${ip.headerBytes} bytes`);
    if (offset !== (ip.protocol === TCP ? 16 : 6))
      throw new PacketError(`csum_offset ${offset}, protocol ${ip.protocol}`);
    const pseudo = pseudoHeaderSum(packet, ip.protocol, packet.length - ip.headerBytes);
    if (word(packet, start + offset) !== pseudo) throw new PacketError('partial checksum is not the pseudo-header sum');
  } else if (!transportChecksumRight(ip)) {
    throw new PacketError(`checksum of protocol ${ip.protocol} is wrong`);
  }
  if (type === 0) {
    if ((message[1]! & GSO_ECN) !== 0 || segmentBytes !== 0) throw new PacketError('gso fields without a gso type');
    if (headerLength > packet.length)
      throw new PacketError(`hdr_len ${headerLength}, packet has ${packet.length} bytes`);
    if ((flags & NEEDS_CSUM) === 0) return [packet.slice()];
    return cut({ packet, transportOffset: ip.headerBytes, protocol: ip.protocol, segmentBytes: 0 });
  }
  const expected = ip.protocol === UDP ? GSO_UDP_L4 : ip.version === 4 ? GSO_TCPV4 : GSO_TCPV6;
  if (type !== expected) throw new PacketError(`gso_type ${type}, expected ${expected}`);
  if (ip.protocol === UDP && (message[1]! & GSO_ECN) !== 0) throw new PacketError('ECN gso bit on UDP');
  if ((flags & NEEDS_CSUM) === 0) throw new PacketError('a super-packet needs a partial checksum');
  if (headerLength !== header) throw new PacketError(`hdr_len ${headerLength}, headers of ${header} bytes`);
  if (segmentBytes === 0) throw new PacketError('gso_size is 0');
  if (ip.protocol === UDP && Math.ceil((packet.length - header) / segmentBytes) > MAX_UDP_SEGMENTS) {
    throw new PacketError(`${packet.length - header} bytes of UDP payload in segments of ${segmentBytes}`);
  }
  return cut({ packet, transportOffset: ip.headerBytes, protocol: ip.protocol, segmentBytes });
}

/** Fields of virtio_net_hdr have the machine's byte order, which is little endian on all that Node supports. */
function little(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

function putLittle(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}
