/** Cuts what the TUN device gave into packets for the kernel's normal route, as the kernel's own segmentation would have. */
import { get16, get32, type Memory, set16, set32 } from '../memory.js';
import { fold, pseudoHeaderSum, sum } from './checksum.js';
import * as ipv4 from './ipv4.js';
import * as ipv6 from './ipv6.js';
import { PacketView } from './packet.js';
import * as tcp from './tcp.js';
import * as udp from './udp.js';
import * as vnet from './vnet.js';

/** Largest IP packet: IPv6 header plus 16-bit payload length. */
const MAX_PACKET_BYTES = ipv6.HEADER_BYTES + 0xffff;

/** Of a super-packet's TCP flags, those that stand on its last segment only. */
const LAST_ONLY = tcp.FIN | tcp.PSH;
/** And on its first only (RFC 3168: one CWR answers one ECE). */
const FIRST_ONLY = tcp.CWR;

export class NativeCutter {
  /** One packet is built here at a time. */
  private readonly scratch: number;
  private readonly view = new PacketView();

  constructor(private readonly memory: Memory) {
    this.scratch = memory.allocate(MAX_PACKET_BYTES);
  }

  /**
   * Hands complete IP packets to `emit` (offset and bytes in the cutter's memory), each valid until `emit` returns. `at` is the
   * virtio_net_hdr in the same memory, `bytes` counts it too; the input is not changed. Packets that need nothing are handed on
   * where they are. Returns how many were emitted: 0 = malformed, or an offload that was never asked for.
   */
  cut(at: number, bytes: number, emit: (offset: number, bytes: number) => void): number {
    const b = this.memory.bytes;
    const packetBytes = bytes - vnet.VNET_BYTES;
    if (packetBytes <= 0) return 0;
    const packet = at + vnet.VNET_BYTES;
    const gsoType = vnet.gsoType(b, at);
    if (gsoType !== vnet.GSO_NONE) return this.segment(at, packet, packetBytes, gsoType, emit);
    if ((vnet.flags(b, at) & vnet.NEEDS_CSUM) !== 0) return this.completeChecksum(at, packet, packetBytes, emit);
    emit(packet, packetBytes);
    return 1;
  }

  /** The checksum field already holds the pseudo header's sum. */
  private completeChecksum(
    at: number,
    packet: number,
    bytes: number,
    emit: (offset: number, bytes: number) => void,
  ): number {
    const b = this.memory.bytes;
    const start = vnet.checksumStart(b, at);
    const field = start + vnet.checksumOffset(b, at);
    if (bytes > MAX_PACKET_BYTES || field + 2 > bytes) return 0;
    const out = this.scratch;
    b.copyWithin(out, packet, packet + bytes);
    set16(b, out + field, transportChecksum(sum(b, out + start, bytes - start)));
    emit(out, bytes);
    return 1;
  }

  private segment(
    at: number,
    packet: number,
    bytes: number,
    gsoType: number,
    emit: (offset: number, bytes: number) => void,
  ): number {
    const b = this.memory.bytes;
    const view = this.view;
    const gsoBytes = vnet.gsoBytes(b, at);
    if (gsoBytes === 0 || !view.parse(b, packet, bytes) || view.transportBytes === 0) return 0;
    if (!fits(gsoType, view)) return 0;
    const headerBytes = view.payloadAt - packet;
    const payloadBytes = view.payloadBytes;
    const out = this.scratch;
    b.copyWithin(out, packet, view.payloadAt);
    const count = Math.max(1, Math.ceil(payloadBytes / gsoBytes));
    for (let i = 0; i < count; i++) {
      const from = i * gsoBytes;
      const part = Math.min(gsoBytes, payloadBytes - from);
      b.copyWithin(out + headerBytes, view.payloadAt + from, view.payloadAt + from + part);
      this.writeIpHeader(packet, headerBytes + part, i);
      if (view.protocol === tcp.PROTOCOL_TCP) this.writeTcpHeader(from, part, i === 0, i === count - 1);
      else this.writeUdpHeader(part);
      emit(out, headerBytes + part);
    }
    return count;
  }

  private writeIpHeader(packet: number, totalBytes: number, index: number): void {
    const b = this.memory.bytes;
    const out = this.scratch;
    if (this.view.version === 6) {
      set16(b, out + ipv6.field.payloadBytes, totalBytes - ipv6.HEADER_BYTES);
      return;
    }
    set16(b, out + ipv4.field.totalBytes, totalBytes);
    set16(b, out + ipv4.field.identification, get16(b, packet + ipv4.field.identification) + index);
    ipv4.writeHeaderChecksum(b, out, this.view.ipBytes);
  }

  private writeTcpHeader(from: number, payloadBytes: number, first: boolean, last: boolean): void {
    const b = this.memory.bytes;
    const header = this.scratch + this.view.ipBytes;
    let flags = this.view.tcpFlags;
    if (!last) flags &= ~LAST_ONLY;
    if (!first) flags &= ~FIRST_ONLY;
    b[header + tcp.field.flags] = flags;
    set32(b, header + tcp.field.sequence, get32(b, this.view.transportAt + tcp.field.sequence) + from);
    this.writeTransportChecksum(header, tcp.field.checksum, this.view.transportBytes + payloadBytes);
  }

  private writeUdpHeader(payloadBytes: number): void {
    const b = this.memory.bytes;
    const header = this.scratch + this.view.ipBytes;
    set16(b, header + udp.field.length, udp.HEADER_BYTES + payloadBytes);
    this.writeTransportChecksum(header, udp.field.checksum, udp.HEADER_BYTES + payloadBytes);
  }

  private writeTransportChecksum(header: number, field: number, bytes: number): void {
    const b = this.memory.bytes;
    set16(b, header + field, 0);
    const pseudo = pseudoHeaderSum(b, this.scratch, this.view.version, this.view.protocol, bytes);
    set16(b, header + field, transportChecksum(sum(b, header, bytes, pseudo)));
  }
}

/** Whether a GSO type is one that was switched on and agrees with the packet. */
function fits(gsoType: number, view: PacketView): boolean {
  switch (gsoType) {
    case vnet.GSO_TCPV4:
      return view.version === 4 && view.protocol === tcp.PROTOCOL_TCP;
    case vnet.GSO_TCPV6:
      return view.version === 6 && view.protocol === tcp.PROTOCOL_TCP;
    case vnet.GSO_UDP_L4:
      return view.protocol === udp.PROTOCOL_UDP;
    default:
      return false;
  }
}

/** 0 means "no checksum" in UDP (RFC 768); its other form 0xffff is right for every protocol. */
function transportChecksum(total: number): number {
  return ~fold(total) & 0xffff || 0xffff;
}
