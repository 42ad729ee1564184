import type { GatherBatch } from '../../core/batch.js';
import type { Endpoint } from '../../core/io.js';
import type { Arena } from '../arena.js';
import type { SegmentSender } from '../fake-tcp/segment-sender.js';
import type { IoCounters } from '../io-counters.js';
import { EAGAIN, EINVAL, EIO, EMSGSIZE, ENOBUFS, MSG_DONTWAIT, SOL_UDP, UDP_SEGMENT } from '../syscall/constants.js';
import { IoVectors } from '../syscall/iovec.js';
import { errno, sendmsg } from '../syscall/libc.js';
import { cmsghdr, controlSpace, MSGHDR_BYTES, msghdr, writeControlHeader } from '../syscall/message-header.js';
import { RouteTable } from './route-table.js';
import type { WireSocket } from './wire-socket.js';

const ROUTES = 8192;
/** Routes from here on are the segment sender's. */
export const TCP_ROUTES = 65_536;
const SEGMENT_BYTES = 2;

/** UDP_SEGMENT's own limits, beyond which EINVAL says nothing about the interface. */
const SEGMENTS_MAX = 64;
const MESSAGE_MAX_BYTES = 65507;

/** Sends a wire batch: one sendmsg a message, cut into datagrams by the kernel. */
export class WireSender {
  private readonly header: number;
  private readonly control: number;
  private readonly routes: RouteTable<WireSocket>;
  private readonly vectors: IoVectors;

  constructor(
    private readonly arena: Arena,
    private readonly counters: IoCounters,
    private readonly segments: SegmentSender,
  ) {
    const { memory } = arena;
    this.header = memory.allocate(MSGHDR_BYTES);
    this.control = memory.allocate(controlSpace(SEGMENT_BYTES));
    this.routes = new RouteTable(arena, ROUTES);
    this.vectors = new IoVectors(arena);
    arena.setPointer(this.header + msghdr.vectors, this.vectors.offset);
    arena.setPointer(this.header + msghdr.control, this.control);
    writeControlHeader(arena.u32, this.control, SOL_UDP, UDP_SEGMENT, SEGMENT_BYTES);
  }

  /** A prepared destination; its number is a `target` of the batch. Throws RangeError when there are too many. */
  openRoute(socket: WireSocket | undefined, remote: Endpoint): number {
    return this.routes.open(socket, remote);
  }

  closeRoute(route: number): void {
    this.routes.close(route);
  }

  /** The socket is about to close: its routes stay valid and send nothing. */
  detach(socket: WireSocket): void {
    this.routes.detach(socket);
  }

  /** Sends and clears the batch. What cannot be sent is dropped and counted: to the core it is a loss. */
  send(batch: GatherBatch): void {
    const { sockets } = this.routes;
    for (let message = 0; message < batch.messages; message++) {
      if (batch.target[message] >= TCP_ROUTES) {
        this.segments.send(batch, message, batch.target[message] - TCP_ROUTES);
        continue;
      }
      const socket = sockets[batch.target[message]];
      if (socket === undefined) {
        this.counters.wireSendNoSocket++;
        continue;
      }
      const bytes = this.vectors.gather(batch, message);
      const pieces = batch.firstPiece[message + 1] - batch.firstPiece[message];
      const segmentBytes = batch.segmentBytes[message];
      this.routes.address(this.header, batch.target[message]);
      const trainBytes = segmentBytes < bytes ? segmentBytes : 0;
      if (trainBytes !== 0 && !socket.segmentation) this.sendDatagrams(socket, batch, message);
      else if (!this.sendVectors(socket, pieces, trainBytes, bytes)) this.failed(socket, batch, message, trainBytes);
    }
    batch.clear();
  }

  /** Sends what the vectors hold. False = failed, `errno()` tells why. */
  private sendVectors(socket: WireSocket, pieces: number, segmentBytes: number, bytes: number): boolean {
    const { u32 } = this.arena;
    u32[(this.header + msghdr.vectorCount) >>> 2] = pieces;
    if (segmentBytes === 0) {
      u32[(this.header + msghdr.controlBytes) >>> 2] = 0;
    } else {
      u32[(this.header + msghdr.controlBytes) >>> 2] = controlSpace(SEGMENT_BYTES);
      u32[(this.control + cmsghdr.data) >>> 2] = segmentBytes;
    }
    if (sendmsg(socket.fd, this.arena.address + this.header, MSG_DONTWAIT) < 0) return false;
    this.counters.wireSentMessages++;
    this.counters.wireSentBytes += bytes;
    return true;
  }

  /** After a failed call for the whole message. */
  private failed(socket: WireSocket, batch: GatherBatch, message: number, segmentBytes: number): void {
    let error = errno();
    if (!isFull(error)) {
      // An ICMP error for some earlier datagram, to whatever peer, fails one call without sending.
      const bytes = this.vectors.gather(batch, message);
      const pieces = batch.firstPiece[message + 1] - batch.firstPiece[message];
      if (this.sendVectors(socket, pieces, segmentBytes, bytes)) return;
      error = errno();
      if (segmentBytes !== 0 && (error === EIO || error === EINVAL)) {
        const legal = bytes <= MESSAGE_MAX_BYTES && bytes <= segmentBytes * SEGMENTS_MAX;
        if (this.sendDatagrams(socket, batch, message) && legal) socket.segmentation = false;
        return;
      }
    }
    this.count(error);
  }

  /** One call a datagram, for interfaces without UDP_SEGMENT. Whether all were sent; failures are counted. */
  private sendDatagrams(socket: WireSocket, batch: GatherBatch, message: number): boolean {
    const segmentBytes = batch.segmentBytes[message];
    const end = batch.firstPiece[message + 1];
    let allSent = true;
    let piece = batch.firstPiece[message];
    let used = 0;
    this.counters.wireSendUnsegmented++;
    while (piece < end) {
      let vectors = 0;
      let bytes = 0;
      while (bytes < segmentBytes && piece < end) {
        const taken = Math.min(segmentBytes - bytes, batch.pieceBytes[piece] - used);
        this.vectors.set(vectors++, batch.pieceOffset[piece] + used, taken);
        bytes += taken;
        used += taken;
        if (used === batch.pieceBytes[piece]) {
          piece++;
          used = 0;
        }
      }
      if (!this.sendVectors(socket, vectors, 0, bytes)) {
        this.count(errno());
        allSent = false;
      }
    }
    return allSent;
  }

  private count(error: number): void {
    if (isFull(error)) this.counters.wireSendQueueFull++;
    else if (error === EMSGSIZE) this.counters.wireSendTooLong++;
    else this.counters.wireSendErrors++;
  }
}

function isFull(error: number): boolean {
  return error === EAGAIN || error === ENOBUFS;
}
