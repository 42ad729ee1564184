import { parseAddress } from '../../core/address.js';
import type { GatherBatch } from '../../core/batch.js';
import type { Endpoint } from '../../core/io.js';
import { get32, set16, set32 } from '../../core/memory.js';
import { fold, pseudoHeaderSum, sum } from '../../core/wire/checksum.js';
import * as ipv4 from '../../core/wire/ipv4.js';
import * as ipv6 from '../../core/wire/ipv6.js';
import * as tcp from '../../core/wire/tcp.js';
import type { Arena } from '../arena.js';
import type { IoCounters } from '../io-counters.js';
import { EAGAIN, EMSGSIZE, ENOBUFS, MSG_DONTWAIT } from '../syscall/constants.js';
import { IOVEC_BYTES, IoVectors } from '../syscall/iovec.js';
import { errno, sendmmsg } from '../syscall/libc.js';
import { MMSGHDR_BYTES, msghdr } from '../syscall/message-header.js';
import { RouteTable } from '../wire/route-table.js';
import type { SegmentSocket } from './segment-socket.js';
import { exchanged, wordSum } from './word-sum.js';

const ROUTES = 4096;
/** Segments of a message. */
const SEGMENTS_MAX = 64;
/** Header, and at most three pieces of a batch. */
const VECTORS_OF_SEGMENT = 6;
/** IP and TCP header without options. */
const HEADER_ROOM = 64;
const TIME_TO_LIVE = 64;

/** Sends messages as TCP segments in IP packets: headers and checksums are made here, one call a message hands all of its segments over. */
export class SegmentSender {
  private readonly routes: RouteTable<SegmentSocket>;
  /** IP headers of the routes. */
  private readonly templates: number;
  private readonly headers: number;
  private readonly scratch: number;
  private readonly vectors: IoVectors;
  private readonly ipBytes = new Int32Array(ROUTES);
  /** Bytes of each segment in hand, with IP header. */
  private readonly segmentBytes = new Int32Array(SEGMENTS_MAX);

  /** Place in the message in hand: a piece, and what of it is used. */
  private piece = 0;
  private used = 0;

  constructor(
    private readonly arena: Arena,
    private readonly counters: IoCounters,
  ) {
    const { memory } = arena;
    this.routes = new RouteTable(arena, ROUTES);
    this.templates = memory.allocate(ROUTES * ipv6.HEADER_BYTES);
    this.headers = memory.allocate(SEGMENTS_MAX * MMSGHDR_BYTES);
    this.scratch = memory.allocate(SEGMENTS_MAX * HEADER_ROOM);
    this.vectors = new IoVectors(arena, SEGMENTS_MAX * VECTORS_OF_SEGMENT);
    for (let i = 0; i < SEGMENTS_MAX; i++) {
      const vectors = this.vectors.offset + i * VECTORS_OF_SEGMENT * IOVEC_BYTES;
      arena.setPointer(this.headers + i * MMSGHDR_BYTES + msghdr.vectors, vectors);
    }
  }

  /** A prepared destination. Throws RangeError when there are too many. */
  openRoute(socket: SegmentSocket | undefined, remote: Endpoint): number {
    const { memory } = this.arena;
    // A raw socket's address has no port.
    const route = this.routes.open(socket, { address: remote.address, port: 0 });
    if (socket !== undefined) {
      const template = this.templates + route * ipv6.HEADER_BYTES;
      const [from, to] = [parseAddress(socket.local.address), parseAddress(remote.address)];
      if (from.length === 4) {
        const { DONT_FRAGMENT } = ipv4;
        ipv4.writeIpv4(memory.bytes, template, 0, 0, 0, DONT_FRAGMENT, TIME_TO_LIVE, tcp.PROTOCOL_TCP, from, to);
        this.ipBytes[route] = ipv4.HEADER_BYTES;
      } else {
        ipv6.writeIpv6(memory.bytes, template, 0, 0, 0, TIME_TO_LIVE, tcp.PROTOCOL_TCP, from, to);
        this.ipBytes[route] = ipv6.HEADER_BYTES;
      }
    }
    return route;
  }

  closeRoute(route: number): void {
    this.routes.close(route);
  }

  /** The socket is about to close: its routes stay valid and send nothing. */
  detach(socket: SegmentSocket): void {
    this.routes.detach(socket);
  }

  /** Sends one message of the batch. What cannot be sent is dropped and counted: to the core it is a loss. */
  send(batch: GatherBatch, message: number, route: number): void {
    const socket = this.routes.sockets[route];
    if (socket === undefined) {
      this.counters.wireSendNoSocket++;
      return;
    }
    const first = batch.firstPiece[message];
    const end = batch.firstPiece[message + 1];
    const segmentBytes = batch.segmentBytes[message];
    let payload = 0;
    for (let piece = first; piece < end; piece++) payload += batch.pieceBytes[piece];
    const outer = batch.pieceOffset[first];
    const headerBytes = (this.arena.memory.bytes[outer + tcp.field.dataOffset] >>> 4) << 2;
    payload -= headerBytes;
    this.piece = first;
    this.used = headerBytes;
    const segments = segmentBytes > 0 && segmentBytes < payload ? Math.ceil(payload / segmentBytes) : 1;
    for (let i = 0; i < segments; i++) {
      const bytes = segments === 1 ? payload : Math.min(segmentBytes, payload - i * segmentBytes);
      this.lay(batch, route, i, outer, headerBytes, i * segmentBytes, bytes, i === segments - 1);
    }
    this.hand(socket.rawFd, segments);
  }

  /** Lays out segment `i`: `bytes` of payload, `offset` behind the message's first. */
  private lay(
    batch: GatherBatch,
    route: number,
    i: number,
    outer: number,
    headerBytes: number,
    offset: number,
    bytes: number,
    isLast: boolean,
  ): void {
    const { u32, memory } = this.arena;
    const { bytes: b } = memory;
    const ipBytes = this.ipBytes[route];
    const at = this.scratch + i * HEADER_ROOM;
    const template = this.templates + route * ipv6.HEADER_BYTES;
    b.copyWithin(at, template, template + ipBytes);
    const isIpv4 = ipBytes === ipv4.HEADER_BYTES;
    const transportBytes = headerBytes + bytes;
    // The kernel fills in the identification and the checksum of an IPv4 header.
    if (isIpv4) set16(b, at + ipv4.field.totalBytes, ipBytes + transportBytes);
    else set16(b, at + ipv6.field.payloadBytes, transportBytes);
    const header = at + ipBytes;
    b.copyWithin(header, outer, outer + headerBytes);
    if (offset > 0) set32(b, header + tcp.field.sequence, get32(b, outer + tcp.field.sequence) + offset);
    if (!isLast) b[header + tcp.field.flags] &= ~tcp.PSH;

    const base = i * VECTORS_OF_SEGMENT;
    this.vectors.set(base, at, ipBytes + headerBytes);
    let vectors = 1;
    let total = sum(b, header, headerBytes, pseudoHeaderSum(b, at, isIpv4 ? 4 : 6, tcp.PROTOCOL_TCP, transportBytes));
    for (let laid = 0; laid < bytes; ) {
      const left = batch.pieceBytes[this.piece] - this.used;
      if (left === 0) {
        this.piece++;
        this.used = 0;
        continue;
      }
      const taken = Math.min(left, bytes - laid);
      const from = batch.pieceOffset[this.piece] + this.used;
      this.vectors.set(base + vectors++, from, taken);
      const part = wordSum(b, u32, from, taken);
      total += (laid & 1) === 0 ? part : exchanged(part);
      laid += taken;
      this.used += taken;
    }
    set16(b, header + tcp.field.checksum, ~fold(total));

    const message = this.headers + i * MMSGHDR_BYTES;
    this.routes.address(message, route);
    u32[(message + msghdr.vectorCount) >>> 2] = vectors;
    this.segmentBytes[i] = ipBytes + transportBytes;
  }

  private hand(fd: number, segments: number): void {
    const { counters } = this;
    for (let i = 0; i < segments; ) {
      const sent = sendmmsg(fd, this.arena.address + this.headers + i * MMSGHDR_BYTES, segments - i, MSG_DONTWAIT);
      if (sent > 0) {
        for (let end = i + sent; i < end; i++) counters.wireSentBytes += this.segmentBytes[i];
        counters.wireSentMessages++;
        continue;
      }
      const error = errno();
      if (error === EAGAIN || error === ENOBUFS) counters.wireSendQueueFull++;
      else if (error === EMSGSIZE) counters.wireSendTooLong++;
      else counters.wireSendErrors++;
      // The one that failed is lost; the others need not be.
      i++;
    }
  }
}
