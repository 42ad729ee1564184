/** One IP packet (or super-packet of a TUN device) seen in place. */
import { get16, get32 } from '../memory.js';
import * as ipv4 from './ipv4.js';
import * as ipv6 from './ipv6.js';
import * as tcp from './tcp.js';
import * as udp from './udp.js';

/** More extension headers than any real packet has. */
const MAX_EXTENSION_HEADERS = 8;
/** Below, or at, a time to live that the application has chosen: to be seen on the way (traceroute), or to prove a neighbour (RFC 5082). */
const LEAST_USUAL_TIME_TO_LIVE = 32;
const NEIGHBOUR_TIME_TO_LIVE = 255;

/**
 * A reusable view: `parse` proves every length once, so that whoever holds a parsed view reads the named ranges without checks.
 * Fields are offsets into the buffer and plain integers; all are meaningless after `parse` returned false.
 */
export class PacketView {
  /** 4 or 6. */
  version = 0;
  /** Transport protocol (IANA number), behind IPv6 extension headers. */
  protocol = 0;
  ipAt = 0;
  /** IP header with options or extension headers. */
  ipBytes = 0;
  transportAt = 0;
  /** Transport header: TCP with options, 8 for UDP, 0 for everything else and for fragments. */
  transportBytes = 0;
  payloadAt = 0;
  /** For UDP by the UDP length: a surplus area (RFC 9868) is not part of it. */
  payloadBytes = 0;
  /** The IP packet's own length; what follows it in the buffer (padding) is not part of the packet. */
  totalBytes = 0;
  sourceAt = 0;
  destinationAt = 0;
  /** 4 or 16. */
  addressBytes = 0;
  /** 0 where there is no transport header. */
  sourcePort = 0;
  destinationPort = 0;
  tcpFlags = 0;
  /** Signed 32 bits, as `get32` gives it. */
  tcpSequence = 0;
  /** Any fragment, the first one too. Its transport header is not looked at. */
  isFragment = false;
  /** Nobody on the way may cut it: IPv4 with DF, and IPv6. */
  dontFragment = false;
  /** 6 bits. */
  dscp = 0;
  /** 2 bits. */
  ecn = 0;

  /** Looks at the packet at `at`, of which `bytes` bytes are there. False = not IP, malformed or truncated. */
  parse(b: Uint8Array, at: number, bytes: number): boolean {
    if (bytes < 1) return false;
    this.ipAt = at;
    this.isFragment = false;
    this.transportBytes = 0;
    this.sourcePort = 0;
    this.destinationPort = 0;
    this.tcpFlags = 0;
    this.tcpSequence = 0;
    const version = b[at] >>> 4;
    this.version = version;
    if (version === 4) {
      if (!this.parseIpv4(b, at, bytes)) return false;
    } else if (version === 6) {
      if (!this.parseIpv6(b, at, bytes)) return false;
    } else {
      return false;
    }
    this.transportAt = at + this.ipBytes;
    this.payloadAt = this.transportAt;
    this.payloadBytes = this.totalBytes - this.ipBytes;
    if (this.isFragment) return true;
    if (this.protocol === tcp.PROTOCOL_TCP) return this.parseTcp(b);
    if (this.protocol === udp.PROTOCOL_UDP) return this.parseUdp(b);
    return true;
  }

  /**
   * Whether the other end of a session can restore the parsed packet from its transport header and payload. IP options, extension
   * headers, a surplus area and a time to live that means something would be lost.
   */
  isRestorable(b: Uint8Array): boolean {
    const isIpv4 = this.version === 4;
    const timeToLive = b[this.ipAt + (isIpv4 ? ipv4.field.timeToLive : ipv6.field.hopLimit)];
    return (
      this.ipBytes === (isIpv4 ? ipv4.HEADER_BYTES : ipv6.HEADER_BYTES) &&
      this.ipBytes + this.transportBytes + this.payloadBytes === this.totalBytes &&
      timeToLive >= LEAST_USUAL_TIME_TO_LIVE &&
      timeToLive !== NEIGHBOUR_TIME_TO_LIVE
    );
  }

  private parseIpv4(b: Uint8Array, at: number, bytes: number): boolean {
    if (bytes < ipv4.HEADER_BYTES) return false;
    const headerBytes = (b[at] & 0x0f) << 2;
    const totalBytes = get16(b, at + ipv4.field.totalBytes);
    if (headerBytes < ipv4.HEADER_BYTES || totalBytes < headerBytes || bytes < totalBytes) return false;
    this.ipBytes = headerBytes;
    this.totalBytes = totalBytes;
    this.protocol = b[at + ipv4.field.protocol];
    this.sourceAt = at + ipv4.field.source;
    this.destinationAt = at + ipv4.field.destination;
    this.addressBytes = 4;
    const trafficClass = b[at + ipv4.field.trafficClass];
    this.dscp = trafficClass >>> 2;
    this.ecn = trafficClass & 3;
    const fragment = get16(b, at + ipv4.field.fragment);
    this.isFragment = (fragment & (ipv4.MORE_FRAGMENTS | ipv4.FRAGMENT_OFFSET)) !== 0;
    this.dontFragment = (fragment & ipv4.DONT_FRAGMENT) !== 0;
    return true;
  }

  private parseIpv6(b: Uint8Array, at: number, bytes: number): boolean {
    if (bytes < ipv6.HEADER_BYTES) return false;
    const totalBytes = ipv6.HEADER_BYTES + get16(b, at + ipv6.field.payloadBytes);
    if (bytes < totalBytes) return false;
    this.totalBytes = totalBytes;
    this.sourceAt = at + ipv6.field.source;
    this.destinationAt = at + ipv6.field.destination;
    this.addressBytes = 16;
    this.dontFragment = true;
    const trafficClass = ((b[at] & 0x0f) << 4) | (b[at + 1] >>> 4);
    this.dscp = trafficClass >>> 2;
    this.ecn = trafficClass & 3;
    return this.skipExtensionHeaders(b, at);
  }

  /** Sets `protocol`, `ipBytes` and `isFragment`. */
  private skipExtensionHeaders(b: Uint8Array, at: number): boolean {
    let next = b[at + ipv6.field.nextHeader];
    let ipBytes = ipv6.HEADER_BYTES;
    for (let count = 0; ; count++) {
      const fragment = next === ipv6.FRAGMENT;
      const skipped =
        fragment || next === ipv6.HOP_BY_HOP || next === ipv6.DESTINATION_OPTIONS || next === ipv6.ROUTING;
      if (!skipped) break;
      if (count === MAX_EXTENSION_HEADERS || ipBytes + 8 > this.totalBytes) return false;
      const header = at + ipBytes;
      const headerBytes = fragment ? 8 : (b[header + ipv6.extension.length] + 1) << 3;
      if (ipBytes + headerBytes > this.totalBytes) return false;
      // A packet still on its way through a source route: the destination field is not the session's, so no session is looked for.
      if (next === ipv6.ROUTING && b[header + ipv6.extension.segmentsLeft] !== 0) break;
      next = b[header + ipv6.extension.nextHeader];
      ipBytes += headerBytes;
      if (fragment) {
        this.isFragment = true;
        break;
      }
    }
    this.protocol = next;
    this.ipBytes = ipBytes;
    return true;
  }

  private parseTcp(b: Uint8Array): boolean {
    const at = this.transportAt;
    if (this.payloadBytes < tcp.HEADER_BYTES) return false;
    const headerBytes = (b[at + tcp.field.dataOffset] >>> 4) << 2;
    if (headerBytes < tcp.HEADER_BYTES || headerBytes > this.payloadBytes) return false;
    this.sourcePort = get16(b, at + tcp.field.sourcePort);
    this.destinationPort = get16(b, at + tcp.field.destinationPort);
    this.tcpSequence = get32(b, at + tcp.field.sequence);
    this.tcpFlags = b[at + tcp.field.flags];
    this.transportBytes = headerBytes;
    this.payloadAt = at + headerBytes;
    this.payloadBytes -= headerBytes;
    return true;
  }

  private parseUdp(b: Uint8Array): boolean {
    const at = this.transportAt;
    if (this.payloadBytes < udp.HEADER_BYTES) return false;
    const length = get16(b, at + udp.field.length);
    if (length < udp.HEADER_BYTES || length > this.payloadBytes) return false;
    this.sourcePort = get16(b, at + udp.field.sourcePort);
    this.destinationPort = get16(b, at + udp.field.destinationPort);
    this.transportBytes = udp.HEADER_BYTES;
    this.payloadAt = at + udp.HEADER_BYTES;
    this.payloadBytes = length - udp.HEADER_BYTES;
    return true;
  }
}
