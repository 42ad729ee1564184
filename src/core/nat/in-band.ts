/**
 * Blocks within a session's own native packets, where a host without MPIP does not see them (design: binding in-band):
 * - TCP: the payload of a segment whose sequence numbers are wholly old. The receiver drops it and answers with a duplicate ACK.
 * - UDP: the surplus area of one of the application's datagrams (RFC 9868).
 */
import { get16, type Memory, set16, set32 } from '../memory.js';
import { fold, pseudoHeaderSum, sum } from '../wire/checksum.js';
import { CM_BYTES, CmFlag, cmFlags, cmType, looksLikeCm, TAG_BYTES } from '../wire/cm.js';
import { CmType } from '../wire/control.js';
import * as ipv4 from '../wire/ipv4.js';
import * as ipv6 from '../wire/ipv6.js';
import type { PacketView } from '../wire/packet.js';
import * as tcp from '../wire/tcp.js';
import * as udp from '../wire/udp.js';
import { findSurplus, surplusBytes, surplusDataAt, writeSurplus } from './surplus.js';

const MAX_HEADER_BYTES = 256;
const MAX_PACKET_BYTES = 65_535;
const BLOCK_LENGTHS = [CM_BYTES + TAG_BYTES, CM_BYTES] as const;

/** Offset of the block that a native packet carries, -1 = none. */
export function findBlock(b: Uint8Array, packet: PacketView): number {
  for (const bytes of BLOCK_LENGTHS) {
    const at = blockAt(b, packet, bytes);
    if (at >= 0 && looksLikeCm(b, at, bytes > CM_BYTES) && cmType(b, at) === CmType.bind) return at;
  }
  return -1;
}

/** Length of the block at `at`. */
export function blockBytes(b: Uint8Array, at: number): number {
  return (cmFlags(b, at) & CmFlag.AUTHENTICATED) !== 0 ? CM_BYTES + TAG_BYTES : CM_BYTES;
}

function blockAt(b: Uint8Array, packet: PacketView, bytes: number): number {
  if (packet.protocol === tcp.PROTOCOL_TCP) return packet.payloadBytes === bytes ? packet.payloadAt : -1;
  const udpBytes = udp.HEADER_BYTES + packet.payloadBytes;
  const end = packet.transportAt + udpBytes;
  return findSurplus(b, end, udpBytes, packet.ipAt + packet.totalBytes, bytes);
}

/** Builds native packets that are made after one of the application's. */
export class InBand {
  private readonly scratch: number;
  private identification = 0;

  constructor(private readonly memory: Memory) {
    this.scratch = memory.allocate(MAX_PACKET_BYTES);
  }

  /**
   * A segment with the headers of `template` and `bytes` bytes of payload at `at`, behind which everything is acknowledged from
   * `acknowledged` on. It ends one before that: a segment that follows can never be joined with it on the way.
   */
  oldSegment(
    template: PacketView,
    acknowledged: number,
    at: number,
    bytes: number,
    emit: (offset: number, bytes: number) => void,
  ): void {
    const { bytes: b } = this.memory;
    const headers = this.copyHeaders(template);
    if (headers === 0) return;
    b.copyWithin(this.scratch + headers, at, at + bytes);
    this.finishTcp(template, acknowledged - 1 - bytes, tcp.ACK | tcp.PSH, bytes);
    emit(this.scratch, headers + bytes);
  }

  /**
   * A segment without payload that dies on the way, after `timeToLive` routers have seen it. It opens the largest window: what the other side
   * sends over paths must not look too far ahead of acknowledgments that middleboxes see late.
   */
  bareHeader(
    template: PacketView,
    sequence: number,
    timeToLive: number,
    emit: (offset: number, bytes: number) => void,
  ): void {
    const { bytes: b } = this.memory;
    const headers = this.copyHeaders(template);
    if (headers === 0) return;
    b[this.scratch + (template.version === 4 ? ipv4.field.timeToLive : ipv6.field.hopLimit)] = timeToLive;
    set16(b, this.scratch + template.ipBytes + tcp.field.window, 0xffff);
    this.finishTcp(template, sequence, tcp.ACK, 0);
    emit(this.scratch, headers);
  }

  /** The complete UDP packet at `packet` with the block behind it, as long as that fits `mtu`; else as it is. Whether it did. */
  withSurplus(
    packet: number,
    packetBytes: number,
    ipBytes: number,
    mtu: number,
    at: number,
    bytes: number,
    emit: (offset: number, bytes: number) => void,
  ): boolean {
    const { bytes: b } = this.memory;
    const udpBytes = packetBytes - ipBytes;
    const total = packetBytes + surplusBytes(udpBytes, bytes);
    if (total > mtu || get16(b, packet + ipBytes + udp.field.length) !== udpBytes) {
      emit(packet, packetBytes);
      return false;
    }
    const { scratch } = this;
    b.copyWithin(scratch, packet, packet + packetBytes);
    b.copyWithin(surplusDataAt(scratch + packetBytes, udpBytes), at, at + bytes);
    writeSurplus(b, scratch + packetBytes, udpBytes, bytes);
    this.finishIp(b[scratch] >>> 4, ipBytes, total);
    emit(scratch, total);
    return true;
  }

  /** Bytes of IP and TCP header that are in scratch memory now; 0 = longer than headers are. */
  private copyHeaders({ ipAt, ipBytes, transportBytes }: PacketView): number {
    const bytes = ipBytes + transportBytes;
    if (bytes > MAX_HEADER_BYTES) return 0;
    this.memory.bytes.copyWithin(this.scratch, ipAt, ipAt + bytes);
    return bytes;
  }

  private finishTcp(
    { version, ipBytes, transportBytes }: PacketView,
    sequence: number,
    flags: number,
    payload: number,
  ): void {
    const { bytes: b } = this.memory;
    const at = this.scratch + ipBytes;
    const transportTotal = transportBytes + payload;
    set32(b, at + tcp.field.sequence, sequence);
    b[at + tcp.field.flags] = flags;
    set16(b, at + tcp.field.urgent, 0);
    set16(b, at + tcp.field.checksum, 0);
    this.finishIp(version, ipBytes, ipBytes + transportTotal);
    const pseudo = pseudoHeaderSum(b, this.scratch, version, tcp.PROTOCOL_TCP, transportTotal);
    set16(b, at + tcp.field.checksum, ~fold(sum(b, at, transportTotal, pseudo)) & 0xffff);
  }

  private finishIp(version: number, ipBytes: number, total: number): void {
    const { bytes: b } = this.memory;
    if (version === 6) {
      set16(b, this.scratch + ipv6.field.payloadBytes, total - ipv6.HEADER_BYTES);
      return;
    }
    this.identification = (this.identification + 1) & 0xffff;
    set16(b, this.scratch + ipv4.field.totalBytes, total);
    set16(b, this.scratch + ipv4.field.identification, this.identification);
    ipv4.writeHeaderChecksum(b, this.scratch, ipBytes);
  }
}
