/**
 * From ordered runs of datagrams to packets for the TUN device. Consecutive segments of a session become one super-packet with the
 * payloads left where they were received: this is the receiver's segmentation offload (GRO).
 */
import type { NodeIo } from '../io.js';
import { get16, get32, type Memory, set16 } from '../memory.js';
import type { SlotPool } from '../slots.js';
import type { Session } from '../tables/sessions.js';
import { fold, pseudoHeaderSum } from '../wire/checksum.js';
import { CM_ECN_SHIFT, CmFlag, cmFlags } from '../wire/cm.js';
import * as ipv4 from '../wire/ipv4.js';
import * as ipv6 from '../wire/ipv6.js';
import * as tcp from '../wire/tcp.js';
import * as udp from '../wire/udp.js';
import * as vnet from '../wire/vnet.js';
import type { Counters } from './counters.js';

const MAX_SEGMENTS = 64;
/** An IP packet's length is 16 bits; headers stay well below 256. */
const MAX_PAYLOAD = 65_535 - 256;
const HEADER_ROOM = vnet.VNET_BYTES + ipv6.HEADER_BYTES + 60;
const TIME_TO_LIVE = 64;

export class Delivery {
  private readonly b: Uint8Array;
  private readonly scratch: number;
  private scratchUsed = 0;
  /** Slots whose bytes the batch points to; released once it has been written. */
  private readonly pending = new Int32Array(4096);
  private pendingCount = 0;

  /** The open super-packet; undefined = none. */
  private open: Session | undefined;
  private headerAt = 0;
  private transportAt = 0;
  private transportBytes = 0;
  private segmentBytes = 0;
  private segments = 0;
  private payloadBytes = 0;
  private ecn = 0;
  private nextSequence = 0;
  private identification = 0;

  constructor(
    memory: Memory,
    private readonly slots: SlotPool,
    private readonly io: NodeIo,
    private readonly counters: Counters,
  ) {
    this.b = memory.bytes;
    this.scratch = memory.allocate(HEADER_ROOM * io.tun.messageCapacity);
  }

  /** Takes a run of one session. `trailerBytes` = CM and tag behind each datagram's payload. */
  run(
    session: Session,
    slot: number,
    at: number,
    stride: number,
    count: number,
    lastBytes: number,
    trailerBytes: number,
  ): void {
    if (this.pendingCount === this.pending.length) this.write();
    for (let i = 0; i < count; i++) {
      const bytes = (i === count - 1 ? lastBytes : stride) - trailerBytes;
      const datagram = at + i * stride;
      const ecn = (cmFlags(this.b, datagram + bytes) & CmFlag.ECN) >> CM_ECN_SHIFT;
      session.receivedPackets++;
      session.receivedBytes += bytes;
      if (session.protocol === tcp.PROTOCOL_TCP) this.tcpSegment(session, datagram, bytes, ecn);
      else this.udpDatagram(session, datagram, bytes, ecn);
    }
    // The batch may have been written on the way: what it points to now is only known to be in this slot, so the slot is kept.
    this.slots.retain(slot);
    this.pending[this.pendingCount++] = slot;
  }

  /** Writes everything out. */
  write(): void {
    this.close();
    if (this.io.tun.messages > 0) this.io.writeTun();
    this.scratchUsed = 0;
    for (let i = 0; i < this.pendingCount; i++) this.slots.release(this.pending[i]);
    this.pendingCount = 0;
  }

  /** Writes one packet that came from nowhere else out at once; it starts with VNET_BYTES that are free. */
  packet(at: number, bytes: number): void {
    this.close();
    const { tun } = this.io;
    if (!tun.fits(1)) this.io.writeTun();
    vnet.writePlain(this.b, at);
    tun.begin(0, 0);
    tun.piece(at, bytes);
    tun.end();
    this.write();
  }

  private tcpSegment(session: Session, at: number, bytes: number, ecn: number): void {
    const b = this.b;
    const headerBytes = bytes >= tcp.HEADER_BYTES ? (b[at + tcp.field.dataOffset] >>> 4) << 2 : 0;
    if (headerBytes < tcp.HEADER_BYTES || headerBytes > bytes) {
      this.counters.malformed++;
      return;
    }
    const flags = b[at + tcp.field.flags];
    if ((flags & tcp.RST) !== 0) session.finSeen = 3;
    else if ((flags & tcp.FIN) !== 0) session.finSeen |= 2;
    const payload = bytes - headerBytes;
    if (this.open === session && this.continues(at, headerBytes, payload, flags, ecn)) {
      this.append(at + headerBytes, payload);
      this.nextSequence = (this.nextSequence + payload) | 0;
      b[this.transportAt + tcp.field.flags] |= flags & (tcp.PSH | tcp.FIN);
    } else {
      this.start(session, headerBytes, payload, ecn);
      b.copyWithin(this.transportAt, at, at + headerBytes);
      // They are others at the peer when a NAT is between.
      set16(b, this.transportAt + tcp.field.sourcePort, session.destinationPort);
      set16(b, this.transportAt + tcp.field.destinationPort, session.sourcePort);
      this.append(at + headerBytes, payload);
      this.nextSequence = (get32(b, at + tcp.field.sequence) + payload) | 0;
    }
    // Only pure data goes on growing; PSH and FIN belong to the last segment.
    if (payload === 0 || payload < this.segmentBytes || (flags & ~tcp.ECE) !== tcp.ACK) this.close();
  }

  /** Whether a segment may follow the open ones in one super-packet (what the kernel's GRO asks, too). */
  private continues(at: number, headerBytes: number, payload: number, flags: number, ecn: number): boolean {
    const b = this.b;
    const open = this.transportAt;
    if (
      payload === 0 ||
      payload > this.segmentBytes ||
      headerBytes !== this.transportBytes ||
      ecn !== this.ecn ||
      get32(b, at + tcp.field.sequence) !== this.nextSequence ||
      get32(b, at + tcp.field.acknowledgment) !== get32(b, open + tcp.field.acknowledgment) ||
      get16(b, at + tcp.field.window) !== get16(b, open + tcp.field.window) ||
      (flags & ~(tcp.PSH | tcp.FIN)) !== b[open + tcp.field.flags] ||
      !this.hasRoom(payload)
    ) {
      return false;
    }
    for (let i = tcp.HEADER_BYTES; i < headerBytes; i++) if (b[at + i] !== b[open + i]) return false;
    return true;
  }

  private udpDatagram(session: Session, at: number, bytes: number, ecn: number): void {
    if (bytes < 0) {
      this.counters.malformed++;
      return;
    }
    const joins =
      this.open === session &&
      this.io.udpSegmentation &&
      bytes > 0 &&
      bytes <= this.segmentBytes &&
      ecn === this.ecn &&
      this.hasRoom(bytes);
    if (!joins) {
      this.start(session, udp.HEADER_BYTES, bytes, ecn);
      udp.writeUdp(this.b, this.transportAt, session.destinationPort, session.sourcePort, 0);
    }
    this.append(at, bytes);
    if (bytes === 0 || bytes < this.segmentBytes) this.close();
  }

  private hasRoom(payload: number): boolean {
    return this.segments < MAX_SEGMENTS && this.payloadBytes + payload <= MAX_PAYLOAD;
  }

  private start(session: Session, transportBytes: number, payload: number, ecn: number): void {
    this.close();
    const { tun } = this.io;
    if (!tun.fits(MAX_SEGMENTS + 1)) {
      this.io.writeTun();
      this.scratchUsed = 0;
    }
    const ipBytes = session.source.length === 4 ? ipv4.HEADER_BYTES : ipv6.HEADER_BYTES;
    this.open = session;
    this.headerAt = this.scratch + this.scratchUsed;
    this.scratchUsed += HEADER_ROOM;
    this.transportAt = this.headerAt + vnet.VNET_BYTES + ipBytes;
    this.transportBytes = transportBytes;
    this.segmentBytes = payload;
    this.segments = 0;
    this.payloadBytes = 0;
    this.ecn = ecn;
    tun.begin(0, 0);
    tun.piece(this.headerAt, vnet.VNET_BYTES + ipBytes + transportBytes);
  }

  private append(at: number, bytes: number): void {
    this.segments++;
    if (bytes === 0) return;
    this.payloadBytes += bytes;
    this.io.tun.piece(at, bytes);
  }

  /** Completes the headers of the open super-packet. */
  private close(): void {
    const session = this.open;
    if (session === undefined) return;
    this.open = undefined;
    const b = this.b;
    const { headerAt, transportAt, transportBytes } = this;
    const ipAt = headerAt + vnet.VNET_BYTES;
    const ipBytes = transportAt - ipAt;
    const isTcp = session.protocol === tcp.PROTOCOL_TCP;
    const transportTotal = transportBytes + this.payloadBytes;
    if (ipBytes === ipv4.HEADER_BYTES) {
      this.identification = (this.identification + this.segments) & 0xffff;
      ipv4.writeIpv4(
        b,
        ipAt,
        ipBytes + transportTotal,
        this.ecn,
        this.identification,
        ipv4.DONT_FRAGMENT,
        TIME_TO_LIVE,
        session.protocol,
        session.destination,
        session.source,
      );
    } else {
      const { protocol, destination, source } = session;
      ipv6.writeIpv6(b, ipAt, transportTotal, this.ecn, 0, TIME_TO_LIVE, protocol, destination, source);
    }
    const version = ipBytes === ipv4.HEADER_BYTES ? 4 : 6;
    const pseudo = fold(pseudoHeaderSum(b, ipAt, version, session.protocol, transportTotal));
    const checksumOffset = isTcp ? tcp.field.checksum : udp.field.checksum;
    set16(b, transportAt + checksumOffset, pseudo);
    if (!isTcp) set16(b, transportAt + udp.field.length, transportTotal);
    const tcpType = version === 4 ? vnet.GSO_TCPV4 : vnet.GSO_TCPV6;
    const type = this.segments === 1 ? vnet.GSO_NONE : isTcp ? tcpType : vnet.GSO_UDP_L4;
    const gsoBytes = this.segments === 1 ? 0 : this.segmentBytes;
    vnet.writeVnet(b, headerAt, vnet.NEEDS_CSUM, type, ipBytes + transportBytes, gsoBytes, ipBytes, checksumOffset);
    this.counters.deliveredPackets += this.segments;
    this.io.tun.end();
  }
}
