/**
 * Packets of the applications onto the paths: a super-packet is cut into segments without moving its payload; runs of segments go
 * to a path as one message. Segment 0's header stays in place; between the payloads lie `[CM i][header i+1]` from scratch memory.
 */
import { set32 } from '../memory.js';
import { furthestFrom } from '../routing/disjoint.js';
import {
  type ActiveRule,
  DEFAULT_RULE,
  isPureAck,
  type RoutingRule,
  ruleFor,
  withoutBackups,
} from '../routing/rules.js';
import type { Path } from '../tables/paths.js';
import type { Session } from '../tables/sessions.js';
import { Timer } from '../timers.js';
import { CM_BYTES, CM_ECN_SHIFT, CmFlag, TAG_BYTES, writeCm } from '../wire/cm.js';
import { CmType } from '../wire/control.js';
import type { PacketView } from '../wire/packet.js';
import * as tcp from '../wire/tcp.js';
import type { NodeContext } from './context.js';
import { Retention } from './retention.js';
import { seal, trailerBytes } from './seal.js';

/** Limits of UDP_SEGMENT on Linux: segments of a message and bytes of all of them. */
const MAX_RUN = 64;
const MAX_MESSAGE_BYTES = 65_487;
const MAX_TCP_HEADER = 60;
const SEGMENT_ROOM = MAX_TCP_HEADER + CM_BYTES + TAG_BYTES;
/** What has a place in the sequence besides its payload, or points into it, is not cut. */
const UNCUT_FLAGS = tcp.SYN | tcp.URG;
const SCRATCH_BYTES = SEGMENT_ROOM * MAX_RUN * 16;
/** IP and UDP headers, counted with every datagram; also with those of TCP, so that both ends count alike. */
export const OUTER_BYTES = 28;
/** What is sent again when a path fails: as much as the others carry in this time, or so many bytes when that is unknown; in steps of at least a packet. */
const HAND_OVER_US = 100_000;
const HAND_OVER_BYTES = 512 * 1024;
const HAND_OVER_STEP_US = 5_000;
const HAND_OVER_CHUNK_BYTES = 1500;

export class Transmitter {
  private readonly b: Uint8Array;
  private readonly scratch: number;
  private used = 0;
  private readonly retention: Retention;

  /** The packet in hand. */
  private session!: Session;
  private active!: ActiveRule;
  private packet!: PacketView;
  private segmentBytes = 0;
  /** Segments that fit one message. */
  private longest = 0;
  /** Paths that carry the packet in hand. */
  private copies = 1;
  private headerBytes = 0;
  private tcpFlags = 0;
  private cmFlags = 0;
  private cmType: number = CmType.data;
  private feedbackPath = 0;
  private feedbackDelay = 0;

  constructor(private readonly context: NodeContext) {
    this.b = context.memory.bytes;
    this.scratch = context.memory.allocate(SCRATCH_BYTES);
    this.retention = new Retention(context.memory);
  }

  /**
   * Sends what may have been lost with a path again on the others, spread over time: a burst would overflow their queues. Those over the same NIC
   * take it only when there is no other, since it may be the NIC that has failed.
   */
  handOver(failed: Path, now: number): void {
    const others = failed.peer.usable.filter((path) => path !== failed);
    const rate = furthestFrom(failed, others).reduce(
      (sum, { capacity }) => sum + (capacity.known ? capacity.rate : 0),
      0,
    );
    const sentRate = this.retention.trim(failed, rate > 0 ? rate * HAND_OVER_US : HAND_OVER_BYTES, now);
    // Where nothing is known of the others: no faster than it was sent.
    const chunk = Math.max((rate > 0 ? rate / 2 : sentRate) * HAND_OVER_STEP_US, HAND_OVER_CHUNK_BYTES);
    const timer = new Timer((at) => {
      const count = this.retention.handOver(
        failed,
        now,
        chunk,
        (session, cell, headerBytes, bytes, sequence, ecnFlags) =>
          this.resend(session, cell, headerBytes, bytes, sequence, ecnFlags, failed, at),
        at,
      );
      this.context.counters.handedOver += count;
      if (count > 0) this.context.timers.set(timer, at + HAND_OVER_STEP_US);
    });
    timer.fire(now);
  }

  /**
   * Payload of the datagrams that a packet, or a super-packet of segments of `gsoBytes` payload each (0 = one packet), is sent in, bytes;
   * -1 = it is too long for the paths. A stream's segments are cut as short as it takes, a datagram stays whole.
   */
  payloadFor(session: Session, packet: PacketView, gsoBytes: number): number {
    const { peer } = session;
    const isTcp = session.protocol === tcp.PROTOCOL_TCP;
    const wanted = gsoBytes > 0 ? Math.min(gsoBytes, packet.payloadBytes) : packet.payloadBytes;
    const room = peer.limit - trailerBytes(peer.authenticated) - (isTcp ? packet.transportBytes : 0);
    if (wanted <= room) return wanted;
    return isTcp && (packet.tcpFlags & UNCUT_FLAGS) === 0 ? room : -1;
  }

  /**
   * Sends a packet of a session that takes MPIP and whose peer has a usable path, in datagrams of `segmentBytes` payload as `payloadFor`
   * says. All is handed to the host before it returns.
   */
  send(session: Session, packet: PacketView, segmentBytes: number, now: number): void {
    const { peer } = session;
    const isTcp = session.protocol === tcp.PROTOCOL_TCP;
    const payload = packet.payloadBytes;
    const segments = segmentBytes > 0 ? Math.ceil(payload / segmentBytes) : 1;
    this.session = session;
    this.packet = packet;
    this.segmentBytes = segmentBytes;
    this.headerBytes = isTcp ? packet.transportBytes : 0;
    this.tcpFlags = packet.tcpFlags;
    if (isTcp) noteEnd(session, packet.tcpFlags);
    this.prepareCm(packet.ecn, now);

    const datagramBytes = this.headerBytes + this.segmentBytes + trailerBytes(peer.authenticated);
    this.longest = Math.min(MAX_RUN, Math.floor(MAX_MESSAGE_BYTES / datagramBytes));
    const length = packet.ipBytes + packet.transportBytes + this.segmentBytes;
    const pureAck = isTcp && isPureAck(packet.tcpFlags, payload);
    const active = ruleFor(session.rulesFrom(this.context.rules), length, packet.dscp, pureAck);
    active.packets += segments;
    this.active = active;
    this.dispatch(active.rule, segments, datagramBytes, now);
    session.sendSequence = (session.sendSequence + segments) | 0;
    session.sentPackets += segments;
    session.sentBytes += payload + segments * this.headerBytes;
    session.updatedAt = now;
    peer.hasData(now);
    this.context.timers.setEarlier(peer.tick, peer.nextTick(now));
    this.context.counters.sentPackets += segments;
    this.context.io.sendWire();
    this.used = 0;
  }

  /** Puts all segments of the packet in hand on the paths that its rule takes (paper section 2). */
  private dispatch(rule: RoutingRule, segments: number, datagramBytes: number, now: number): void {
    const { peer } = this.session;
    switch (rule.mode) {
      case 'all-paths':
      case 'selected-paths':
        this.spread(rule === DEFAULT_RULE ? peer.preferred : peer.pathsOf(rule).paths, segments, datagramBytes, now);
        break;
      case 'single-path': {
        const { current, paths } = peer.pathsOf(rule);
        const fits = current !== undefined && current.limit >= datagramBytes;
        this.sendOn(fits ? current : this.fitting(paths, datagramBytes)[0], 0, segments, segments, datagramBytes, now);
        break;
      }
      case 'protected-path': {
        const paths = this.fitting(peer.pathsOf(rule).paths, datagramBytes);
        const copies = Math.min(rule.copies, paths.length);
        this.copies = copies;
        for (let i = 0; i < copies; i++) {
          this.sendOn(paths[i], 0, segments, segments, datagramBytes, now);
          this.cmFlags |= CmFlag.DUPLICATE;
        }
        this.copies = 1;
        break;
      }
    }
  }

  /** Those that take such a datagram; of all usable ones, when none of these does. */
  private fitting(paths: readonly Path[], datagramBytes: number): readonly Path[] {
    const { peer } = this.session;
    if (datagramBytes <= peer.leastLimit) return paths;
    const fitting = paths.filter(({ limit }) => limit >= datagramBytes);
    return fitting.length > 0 ? fitting : peer.usable.filter(({ limit }) => limit >= datagramBytes);
  }

  /** `admitted`: the paths that the rule takes. Where datagrams are too long for these, others carry them, but are not tried for more. */
  private spread(admitted: readonly Path[], segments: number, datagramBytes: number, now: number): void {
    const { scheduler } = this.session.peer;
    const paths = this.fitting(admitted, datagramBytes);
    for (let first = 0; first < segments; ) {
      const left = segments - first;
      const path = scheduler.choose(paths, datagramBytes + OUTER_BYTES, left, now);
      const run = Math.min(scheduler.run, left);
      this.sendOn(path, first, run, segments, datagramBytes, now);
      first += run;
    }
    const trial = scheduler.trial(paths, datagramBytes + OUTER_BYTES, now);
    if (trial !== undefined && admitted.includes(trial)) this.sendTrial(trial, segments, datagramBytes, now);
  }

  /** Sends the last segment on a path that does not carry it, for the receiver to count. */
  private sendTrial(path: Path, segments: number, datagramBytes: number, now: number): void {
    this.copies = 2;
    this.cmType = CmType.trial;
    const bytes = this.emit(path, segments - 1, 1, datagramBytes, true, now);
    this.cmType = CmType.data;
    this.copies = 1;
    this.session.peer.scheduler.sent(path, bytes, now);
    this.active.bytes += bytes;
    path.sentPackets++;
    path.sentBytes += bytes;
    if (path.unconfirmedSince === 0) path.unconfirmedSince = now;
  }

  /** Puts `count` of the `segments`, from `first` on, on a path, in as many messages as it takes. */
  private sendOn(path: Path, first: number, count: number, segments: number, datagramBytes: number, now: number): void {
    const { session } = this;
    session.usePath(path.id, now);
    const end = first + count;
    for (let at = first; at < end; ) {
      const run = Math.min(this.longest, end - at);
      const bytes = this.emit(path, at, run, datagramBytes, at + run === segments, now);
      session.peer.scheduler.sent(path, bytes, now);
      this.active.bytes += bytes;
      path.sentPackets += run;
      path.sentBytes += bytes;
      at += run;
    }
    if (datagramBytes > path.longestSent) path.longestSent = datagramBytes;
    if (path.unconfirmedSince === 0) path.unconfirmedSince = now;
  }

  /** What all CMs of the packet in hand have in common. */
  private prepareCm(ecn: number, now: number): void {
    const { peer, openedBySelf } = this.session;
    let flags = ecn << CM_ECN_SHIFT;
    if (peer.authenticated) flags |= CmFlag.AUTHENTICATED;
    if (openedBySelf) flags |= CmFlag.FROM_OPENER;
    const feedback = peer.takeFeedback(now);
    if (feedback === undefined) {
      this.feedbackPath = 0;
      this.feedbackDelay = 0;
    } else {
      flags |= CmFlag.FEEDBACK;
      this.feedbackPath = feedback.id;
      this.feedbackDelay = feedback.rawDelay;
    }
    this.cmFlags = flags;
  }

  private resend(
    session: Session,
    at: number,
    headerBytes: number,
    bytes: number,
    sequence: number,
    ecnFlags: number,
    failed: Path,
    now: number,
  ): Path | undefined {
    const { peer } = session;
    const paths = peer.usable;
    if (this.context.peers.get(peer.key) !== peer || paths.length === 0 || paths.every((path) => path === failed)) {
      return undefined;
    }
    const { io } = this.context;
    const datagramBytes = bytes + trailerBytes(peer.authenticated) + OUTER_BYTES;
    const others = withoutBackups(paths.filter((path) => path !== failed && path.limit >= datagramBytes - OUTER_BYTES));
    if (others.length === 0) return undefined;
    const path = peer.scheduler.choose(furthestFrom(failed, others), datagramBytes, 1, now);
    this.session = session;
    this.headerBytes = headerBytes;
    this.prepareCm(0, now);
    this.cmFlags |= ecnFlags | CmFlag.DUPLICATE;
    io.wire.begin(path.route, 0);
    const trailerAt = this.scratch + tcp.HEADER_BYTES;
    const end = this.trailer(path, trailerAt, at, bytes, sequence, now);
    if (path.connection !== undefined) {
      path.connection.tcp.writeData(this.b, this.scratch, bytes + end - trailerAt);
      io.wire.piece(this.scratch, tcp.HEADER_BYTES);
    }
    if (bytes > 0) io.wire.piece(at, bytes);
    io.wire.piece(trailerAt, end - trailerAt);
    io.wire.end();
    io.sendWire();
    peer.scheduler.sent(path, datagramBytes, now);
    path.sentPackets++;
    path.sentBytes += datagramBytes;
    return path;
  }

  /** Puts the segments `first`... on the path as one message; returns their bytes with outer headers. */
  private emit(path: Path, first: number, run: number, datagramBytes: number, ends: boolean, now: number): number {
    const { b, packet, headerBytes, segmentBytes } = this;
    const { io } = this.context;
    if (this.used + run * SEGMENT_ROOM + tcp.HEADER_BYTES > SCRATCH_BYTES || !io.wire.fits(2 * run + 2)) {
      io.sendWire();
      this.used = 0;
    }
    const { wire } = io;
    const { session } = this;
    // What another path carries as well need not be handed over.
    const keeps = this.copies === 1 && session.peer.usable.length > 1;
    wire.begin(path.route, run === 1 ? 0 : datagramBytes);
    let at = this.scratch + this.used;
    const outerAt = at;
    if (path.connection !== undefined) {
      wire.piece(outerAt, tcp.HEADER_BYTES);
      at += tcp.HEADER_BYTES;
    }
    let pieceAt = at;
    let total = 0;
    for (let i = first; i < first + run; i++) {
      const isLast = ends && i === first + run - 1;
      const offset = i * segmentBytes;
      const bytes = isLast ? packet.payloadBytes - offset : segmentBytes;
      let headerAt = packet.transportAt;
      if (headerBytes > 0 && i > 0) {
        b.copyWithin(at, headerAt, headerAt + headerBytes);
        headerAt = at;
        set32(b, at + tcp.field.sequence, packet.tcpSequence + offset);
        at += headerBytes;
      }
      if (headerBytes > 0) b[headerAt + tcp.field.flags] = segmentFlags(this.tcpFlags, i === 0, isLast);
      if (at > pieceAt) wire.piece(pieceAt, at - pieceAt);
      if (i === 0) {
        if (headerBytes + bytes > 0) wire.piece(packet.payloadAt - headerBytes, headerBytes + bytes);
      } else {
        wire.piece(packet.payloadAt + offset, bytes);
      }
      const sequence = (session.sendSequence + i) | 0;
      if (keeps) {
        const ecn = this.cmFlags & CmFlag.ECN;
        this.retention.keep(session, path, sequence, ecn, headerAt, headerBytes, packet.payloadAt + offset, bytes, now);
      }
      pieceAt = at;
      at = this.trailer(path, at, headerAt, headerBytes + bytes, sequence, now);
      total += at - pieceAt + headerBytes + bytes + OUTER_BYTES;
    }
    wire.piece(pieceAt, at - pieceAt);
    wire.end();
    path.connection?.tcp.writeData(b, outerAt, total - run * OUTER_BYTES);
    this.used = at - this.scratch;
    return total;
  }

  /** Writes CM and tag of a datagram whose header and payload have `bytes` bytes; returns the offset behind them. */
  private trailer(path: Path, at: number, headerAt: number, bytes: number, sequence: number, now: number): number {
    const { b, session, context } = this;
    const { peer } = session;
    writeCm(
      b,
      at,
      this.cmType,
      this.cmFlags | (session.pathBegins(now) ? CmFlag.PATH_BEGINS : 0),
      context.key,
      session.id,
      path.id,
      this.feedbackPath,
      now,
      this.feedbackDelay,
      sequence,
      context.digest,
    );
    if (!peer.authenticated) return at + CM_BYTES;
    seal(peer.mac, b, at, headerAt, this.headerBytes, bytes + CM_BYTES + TAG_BYTES);
    return at + CM_BYTES + TAG_BYTES;
  }
}

/** FIN and PSH belong to the last segment of a super-packet, CWR to the first (RFC 3168 section 6.1.2). */
function segmentFlags(flags: number, isFirst: boolean, isLast: boolean): number {
  let kept = flags;
  if (!isFirst) kept &= ~tcp.CWR;
  if (!isLast) kept &= ~(tcp.FIN | tcp.PSH);
  return kept;
}

function noteEnd(session: Session, flags: number): void {
  if ((flags & tcp.RST) !== 0) session.finSeen = 3;
  else if ((flags & tcp.FIN) !== 0) session.finSeen |= 1;
}
