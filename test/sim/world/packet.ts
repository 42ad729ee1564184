import { addressBytes, addressText, isIpv6 } from './addresses.js';
import { pseudoHeaderSum, sum } from './checksum.js';

/** IP, TCP, UDP and ICMP packets as the hosts' kernels build and read them. */
export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;
export const ICMPV6 = 58;

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const CWR = 0x80;

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** A packet that no correct kernel or node would make. */
export class PacketError extends Error {
  readonly code = 'ERR_SIM_PACKET';
}

export interface IpPacket {
  readonly bytes: Uint8Array;
  readonly version: 4 | 6;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  /** Where the transport header starts, bytes. */
  readonly headerBytes: number;
}

export interface TcpSegment {
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: number;
  readonly window: number;
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
}

export interface UdpDatagram {
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly payload: Uint8Array;
}

/**
 * What a kernel's transport hands to its device: one IP packet, or a super-packet that is to be cut by `segmentBytes`; its transport
 * checksum holds the pseudo-header sum only.
 */
export interface Outgoing {
  readonly packet: Uint8Array;
  readonly transportOffset: number;
  readonly protocol: typeof TCP | typeof UDP;
  /** Payload bytes per segment; 0 = a plain packet. */
  readonly segmentBytes: number;
}

/** Reads the IP header. Throws PacketError when lengths or the header checksum are wrong. */
export function parseIp(bytes: Uint8Array): IpPacket {
  const version = bytes[0]! >> 4;
  if (version === 4) {
    const headerBytes = (bytes[0]! & 15) * 4;
    if (headerBytes < 20 || bytes.length < headerBytes) throw new PacketError(`IPv4 header of ${headerBytes} bytes`);
    const total = word(bytes, 2);
    if (total !== bytes.length) throw new PacketError(`IPv4 length ${total}, packet has ${bytes.length} bytes`);
    if (sum(bytes, 0, headerBytes) !== 0xffff) throw new PacketError('IPv4 header checksum is wrong');
    if (bytes[8] === 0) throw new PacketError('time to live is 0');
    if ((word(bytes, 6) & 0x3fff) !== 0) throw new PacketError('fragment');
    return {
      bytes,
      version,
      source: addressText(bytes.subarray(12, 16)),
      destination: addressText(bytes.subarray(16, 20)),
      protocol: bytes[9]!,
      headerBytes,
    };
  }
  if (version !== 6) throw new PacketError(`IP version ${version}`);
  if (bytes.length < 40) throw new PacketError(`IPv6 packet of ${bytes.length} bytes`);
  if (word(bytes, 4) !== bytes.length - 40) {
    throw new PacketError(`IPv6 payload length ${word(bytes, 4)}, packet has ${bytes.length - 40} bytes`);
  }
  if (bytes[7] === 0) throw new PacketError('hop limit is 0');
  return {
    bytes,
    version,
    source: addressText(bytes.subarray(8, 24)),
    destination: addressText(bytes.subarray(24, 40)),
    protocol: bytes[6]!,
    headerBytes: 40,
  };
}

export function parseTcp(ip: IpPacket): TcpSegment {
  const { bytes, headerBytes: at } = ip;
  const header = bytes.length >= at + 20 ? (bytes[at + 12]! >> 4) * 4 : 0;
  if (header < 20 || at + header > bytes.length) throw new PacketError(`TCP header of ${header} bytes`);
  return {
    source: { address: ip.source, port: word(bytes, at) },
    destination: { address: ip.destination, port: word(bytes, at + 2) },
    sequence: long(bytes, at + 4),
    acknowledgement: long(bytes, at + 8),
    flags: bytes[at + 13]!,
    window: word(bytes, at + 14),
    options: bytes.subarray(at + 20, at + header),
    payload: bytes.subarray(at + header),
  };
}

export function parseUdp(ip: IpPacket): UdpDatagram {
  const { bytes, headerBytes: at } = ip;
  const length = bytes.length < at + 8 ? 0 : word(bytes, at + 4);
  // Shorter than the IP packet: the rest is surplus (RFC 9868), which no application sees.
  if (length < 8 || length > bytes.length - at) throw new PacketError('UDP length is wrong');
  return {
    source: { address: ip.source, port: word(bytes, at) },
    destination: { address: ip.destination, port: word(bytes, at + 2) },
    payload: bytes.subarray(at + 8, at + length),
  };
}

/** Whether the transport checksum of a complete packet is right; one of 0 is allowed for UDP over IPv4 only. */
export function transportChecksumRight(ip: IpPacket): boolean {
  const { bytes, headerBytes } = ip;
  if (ip.protocol === UDP && word(bytes, headerBytes + 6) === 0) return ip.version === 4;
  const pseudo = ip.protocol === ICMP ? 0 : pseudoHeaderSum(bytes, ip.protocol, bytes.length - headerBytes);
  return sum(bytes, headerBytes, bytes.length, pseudo) === 0xffff;
}

export function tcpPacket(segment: TcpSegment, segmentBytes: number, identification: number): Outgoing {
  const header = 20 + segment.options.length;
  const packet = ipPacket(
    segment.source.address,
    segment.destination.address,
    TCP,
    header + segment.payload.length,
    identification,
  );
  const at = packet.length - header - segment.payload.length;
  putWord(packet, at, segment.source.port);
  putWord(packet, at + 2, segment.destination.port);
  putLong(packet, at + 4, segment.sequence);
  putLong(packet, at + 8, segment.acknowledgement);
  packet[at + 12] = (header / 4) << 4;
  packet[at + 13] = segment.flags;
  putWord(packet, at + 14, segment.window);
  packet.set(segment.options, at + 20);
  packet.set(segment.payload, at + header);
  putWord(packet, at + 16, pseudoHeaderSum(packet, TCP, packet.length - at));
  return { packet, transportOffset: at, protocol: TCP, segmentBytes };
}

export function udpPacket(datagram: UdpDatagram, segmentBytes: number, identification: number): Outgoing {
  const { source, destination, payload } = datagram;
  const packet = ipPacket(source.address, destination.address, UDP, 8 + payload.length, identification);
  const at = packet.length - 8 - payload.length;
  putWord(packet, at, source.port);
  putWord(packet, at + 2, destination.port);
  putWord(packet, at + 4, 8 + payload.length);
  packet.set(payload, at + 8);
  putWord(packet, at + 6, pseudoHeaderSum(packet, UDP, 8 + payload.length));
  return { packet, transportOffset: at, protocol: UDP, segmentBytes };
}

/** Destination unreachable, port unreachable (RFC 792, RFC 4443), about `offending`, which is a complete IP packet. */
export function portUnreachable(from: string, offending: Uint8Array): Uint8Array {
  const about = parseIp(offending);
  const quoted = offending.subarray(0, Math.min(offending.length, about.version === 4 ? about.headerBytes + 8 : 1180));
  const protocol = about.version === 4 ? ICMP : ICMPV6;
  const packet = ipPacket(from, about.source, protocol, 8 + quoted.length, 0);
  const at = packet.length - 8 - quoted.length;
  packet[at] = about.version === 4 ? 3 : 1;
  packet[at + 1] = about.version === 4 ? 3 : 4;
  packet.set(quoted, at + 8);
  const pseudo = about.version === 4 ? 0 : pseudoHeaderSum(packet, protocol, packet.length - at);
  putWord(packet, at + 2, 0xffff - sum(packet, at, packet.length, pseudo));
  return packet;
}

/** The protocol and endpoints of the packet that a port-unreachable message is about; null for other ICMP. */
export function unreachableAbout(ip: IpPacket): { protocol: number; source: Endpoint; destination: Endpoint } | null {
  const at = ip.headerBytes;
  const type = ip.version === 4 ? 0x0303 : 0x0104;
  if (word(ip.bytes, at) !== type) return null;
  const quoted = ip.bytes.subarray(at + 8);
  const header = ip.version === 4 ? (quoted[0]! & 15) * 4 : 40;
  const [from, to, end] = ip.version === 4 ? [12, 16, 20] : [8, 24, 40];
  return {
    protocol: quoted[ip.version === 4 ? 9 : 6]!,
    source: { address: addressText(quoted.subarray(from, to)), port: word(quoted, header) },
    destination: { address: addressText(quoted.subarray(to, end)), port: word(quoted, header + 2) },
  };
}

/** The MTU that a "packet too big" message tells (RFC 1191, RFC 4443); null for all else. */
export function tooBigMtu(ip: IpPacket): number | null {
  if (ip.protocol !== ICMP && ip.protocol !== ICMPV6) return null;
  const at = ip.headerBytes;
  if (!transportChecksumRight(ip)) throw new PacketError('checksum of an ICMP message is wrong');
  if (ip.version === 4) return word(ip.bytes, at) === 0x0304 ? word(ip.bytes, at + 6) : null;
  return word(ip.bytes, at) === 0x0200 ? (word(ip.bytes, at + 4) << 16) | word(ip.bytes, at + 6) : null;
}

/** A plain packet whose checksum is left to the device. */
export function withPartialChecksum(packet: Uint8Array, { protocol, transportOffset }: Outgoing): Outgoing {
  const copy = packet.slice();
  putWord(
    copy,
    transportOffset + (protocol === TCP ? 16 : 6),
    pseudoHeaderSum(copy, protocol, copy.length - transportOffset),
  );
  return { packet: copy, transportOffset, protocol, segmentBytes: 0 };
}

/** Completes the transport checksum, which holds the pseudo-header sum. */
export function finishChecksum(packet: Uint8Array, transportOffset: number, protocol: number): void {
  const field = transportOffset + (protocol === TCP ? 16 : 6);
  let checksum = 0xffff - sum(packet, transportOffset, packet.length);
  if (checksum === 0 && protocol === UDP) checksum = 0xffff;
  putWord(packet, field, checksum);
}

/** Writes length and checksum of the IP header anew, after the packet was cut. */
export function finishIpHeader(packet: Uint8Array, headerBytes: number): void {
  if (packet[0]! >> 4 === 6) {
    putWord(packet, 4, packet.length - 40);
    return;
  }
  putWord(packet, 2, packet.length);
  putWord(packet, 10, 0);
  putWord(packet, 10, 0xffff - sum(packet, 0, headerBytes));
}

function ipPacket(
  source: string,
  destination: string,
  protocol: number,
  bytes: number,
  identification: number,
): Uint8Array {
  const six = isIpv6(source);
  const header = six ? 40 : 20;
  const packet = new Uint8Array(header + bytes);
  packet[0] = six ? 0x60 : 0x45;
  if (six) {
    packet[6] = protocol;
    packet[7] = 64;
  } else {
    putWord(packet, 4, identification);
    putWord(packet, 6, 0x4000);
    packet[8] = 64;
    packet[9] = protocol;
  }
  packet.set(addressBytes(source), six ? 8 : 12);
  packet.set(addressBytes(destination), six ? 24 : 16);
  finishIpHeader(packet, header);
  return packet;
}

export function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

export function long(bytes: Uint8Array, at: number): number {
  return ((word(bytes, at) << 16) | word(bytes, at + 2)) >>> 0;
}

export function putWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function putLong(bytes: Uint8Array, at: number, value: number): void {
  putWord(bytes, at, value >>> 16);
  putWord(bytes, at + 2, value & 0xffff);
}
