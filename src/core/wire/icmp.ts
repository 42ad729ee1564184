/** ICMP errors of both families (RFC 792, RFC 4443): "packet too big", and those of a host about a packet of one of its sessions. */
import { get32, set16, set32 } from '../memory.js';
import { checksum, pseudoHeaderSum } from './checksum.js';
import * as ipv4 from './ipv4.js';
import * as ipv6 from './ipv6.js';
import type { PacketView } from './packet.js';
import * as tcp from './tcp.js';
import * as udp from './udp.js';

const PROTOCOL_ICMP = 1;
const PROTOCOL_ICMPV6 = 58;

/** Types, and the code of one. */
const UNREACHABLE = 3;
const FRAGMENTATION_NEEDED = 4;
const PACKET_TOO_BIG = 2;
/** Those that the host of a session may send about it: unreachable, time exceeded, parameter problem. */
const ERRORS = { 4: [UNREACHABLE, 11, 12], 6: [1, 3, 4] } as const;

/** Offsets within the header. */
const field = { type: 0, code: 1, checksum: 2, rest: 4 } as const;
const HEADER_BYTES = 8;
/** Of the packet that the message is about: more than any stack looks at. */
const QUOTED_BYTES = 256;
const TIME_TO_LIVE = 64;

/** Bytes of the transport header that an error quotes at least: ports, and TCP's sequence number. */
export const QUOTED_TRANSPORT_BYTES = 8;

/** Room for the longest message. */
export const ICMP_BYTES = ipv6.HEADER_BYTES + HEADER_BYTES + QUOTED_BYTES;

/**
 * Writes the IP packet that tells the sender of `packet` (parsed, in the same memory) that it may be `mtu` bytes long at most. It comes
 * from the packet's own destination. Returns its bytes.
 */
export function writeTooBig(b: Uint8Array, at: number, packet: PacketView, mtu: number): number {
  const isIpv4 = packet.version === 4;
  const ipBytes = isIpv4 ? ipv4.HEADER_BYTES : ipv6.HEADER_BYTES;
  const quoted = Math.min(packet.totalBytes, QUOTED_BYTES);
  const from = b.slice(packet.destinationAt, packet.destinationAt + packet.addressBytes);
  const to = b.slice(packet.sourceAt, packet.sourceAt + packet.addressBytes);
  b.copyWithin(at + ipBytes + HEADER_BYTES, packet.ipAt, packet.ipAt + quoted);
  const [type, code] = isIpv4 ? [UNREACHABLE, FRAGMENTATION_NEEDED] : [PACKET_TOO_BIG, 0];
  return finish(b, at, type, code, mtu, quoted, from, to);
}

/** An error about a TCP or UDP packet. Addresses and transport header are those of the packet, at offsets into the buffer. */
export interface IcmpError {
  readonly type: number;
  readonly code: number;
  /** What follows the checksum, 32 bits. */
  readonly rest: number;
  readonly protocol: number;
  readonly sourceAt: number;
  readonly destinationAt: number;
  readonly addressBytes: number;
  /** QUOTED_TRANSPORT_BYTES of it are there. */
  readonly transportAt: number;
}

/** The error that a parsed packet is; undefined = it is none, or not about a whole TCP or UDP packet. */
export function readError(b: Uint8Array, packet: PacketView): IcmpError | undefined {
  const isIpv4 = packet.version === 4;
  if (packet.isFragment || packet.protocol !== (isIpv4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6)) return undefined;
  const at = packet.payloadAt;
  const quoteAt = at + HEADER_BYTES;
  const room = packet.payloadBytes - HEADER_BYTES;
  if (room < (isIpv4 ? ipv4.HEADER_BYTES : ipv6.HEADER_BYTES) || b[quoteAt] >>> 4 !== packet.version) return undefined;
  const ipBytes = isIpv4 ? (b[quoteAt] & 0x0f) << 2 : ipv6.HEADER_BYTES;
  if (ipBytes < ipv4.HEADER_BYTES || room < ipBytes + QUOTED_TRANSPORT_BYTES) return undefined;
  const type = b[at + field.type];
  const code = b[at + field.code];
  const protocol = b[quoteAt + (isIpv4 ? ipv4.field.protocol : ipv6.field.nextHeader)];
  if (!isErrorOfHost(packet.version, type, code)) return undefined;
  if (protocol !== tcp.PROTOCOL_TCP && protocol !== udp.PROTOCOL_UDP) return undefined;
  return {
    type,
    code,
    rest: get32(b, at + field.rest),
    protocol,
    sourceAt: quoteAt + (isIpv4 ? ipv4.field.source : ipv6.field.source),
    destinationAt: quoteAt + (isIpv4 ? ipv4.field.destination : ipv6.field.destination),
    addressBytes: packet.addressBytes,
    transportAt: quoteAt + ipBytes,
  };
}

/** Whether a session's host may say so. How long packets may be is for the paths to find out. */
export function isErrorOfHost(version: number, type: number, code: number): boolean {
  if (version === 4 && type === UNREACHABLE && code === FRAGMENTATION_NEEDED) return false;
  return ERRORS[version === 4 ? 4 : 6].some((known) => known === type);
}

/**
 * Writes the error that the other end of a session has about a packet from `source` to `destination` (4 or 16 bytes each), of which
 * `transport` are the first QUOTED_TRANSPORT_BYTES of the transport header. Returns its bytes.
 */
export function writeError(
  b: Uint8Array,
  at: number,
  { type, code, rest, protocol }: Pick<IcmpError, 'type' | 'code' | 'rest' | 'protocol'>,
  source: Uint8Array,
  destination: Uint8Array,
  transport: Uint8Array,
): number {
  const isIpv4 = source.length === 4;
  const ipBytes = isIpv4 ? ipv4.HEADER_BYTES : ipv6.HEADER_BYTES;
  const quoteAt = at + ipBytes + HEADER_BYTES;
  const bytes = transport.length;
  if (isIpv4) {
    const { DONT_FRAGMENT } = ipv4;
    ipv4.writeIpv4(b, quoteAt, ipBytes + bytes, 0, 0, DONT_FRAGMENT, TIME_TO_LIVE, protocol, source, destination);
  } else {
    ipv6.writeIpv6(b, quoteAt, bytes, 0, 0, TIME_TO_LIVE, protocol, source, destination);
  }
  b.set(transport, quoteAt + ipBytes);
  return finish(b, at, type, code, rest, ipBytes + bytes, destination, source);
}

/** Completes a message whose `quoted` bytes are in place: returns the bytes of the IP packet. */
function finish(
  b: Uint8Array,
  at: number,
  type: number,
  code: number,
  rest: number,
  quoted: number,
  from: Uint8Array,
  to: Uint8Array,
): number {
  const isIpv4 = from.length === 4;
  const ipBytes = isIpv4 ? ipv4.HEADER_BYTES : ipv6.HEADER_BYTES;
  const bytes = HEADER_BYTES + quoted;
  const icmpAt = at + ipBytes;
  b[icmpAt + field.type] = type;
  b[icmpAt + field.code] = code;
  set16(b, icmpAt + field.checksum, 0);
  set32(b, icmpAt + field.rest, rest);
  if (isIpv4) {
    ipv4.writeIpv4(b, at, ipBytes + bytes, 0, 0, 0, TIME_TO_LIVE, PROTOCOL_ICMP, from, to);
    set16(b, icmpAt + field.checksum, checksum(b, icmpAt, bytes));
  } else {
    ipv6.writeIpv6(b, at, bytes, 0, 0, TIME_TO_LIVE, PROTOCOL_ICMPV6, from, to);
    const pseudo = pseudoHeaderSum(b, at, 6, PROTOCOL_ICMPV6, bytes);
    set16(b, icmpAt + field.checksum, checksum(b, icmpAt, bytes, pseudo));
  }
  return ipBytes + bytes;
}
