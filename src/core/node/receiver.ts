/**
 * Datagrams from the network: CM found and tag checked, delays and counts taken, data put in runs for the session's reorder buffer,
 * control handed on. One message holds datagrams of one size from one source (the kernel's GRO).
 */
import type { Source } from '../io.js';
import { TcpConnection } from '../tables/connections.js';
import type { IncomingPath } from '../tables/paths.js';
import type { Peer } from '../tables/peers.js';
import type { Session } from '../tables/sessions.js';
import {
  CM_BYTES,
  CmFlag,
  cmDelay,
  cmDigest,
  cmFeedbackPath,
  cmFlags,
  cmNode,
  cmPath,
  cmSequence,
  cmSession,
  cmTimestamp,
  cmType,
  looksLikeCm,
  TAG_BYTES,
} from '../wire/cm.js';
import { CmType, type ControlMessage, decodeControl } from '../wire/control.js';
import * as tcp from '../wire/tcp.js';
import type { NodeContext } from './context.js';
import { isSealed } from './seal.js';
import { OUTER_BYTES } from './transmitter.js';

/** Delays are fed back at least so often while data comes in. */
const FEEDBACK_US = 10_000;

/** What the receiver hands on. */
export interface ReceiverEvents {
  introduction(message: ControlMessage, local: number, source: Source, now: number): void;
  control(peer: Peer, message: ControlMessage, envelope: Envelope, local: number, source: Source, now: number): void;
  /** A path of ours was shown to work; `rtt` us is how long ago the packet that shows it was sent. */
  feedback(peer: Peer, path: number, rawDelay: number, rtt: number, now: number): void;
  /** Data of a session that is not in the table. */
  unknownSession(peer: Peer, session: number, openedBySelf: boolean, now: number): void;
  /** The peer's address list is not the one that is known here. */
  otherAddresses(peer: Peer, digest: number, now: number): void;
  data(session: Session, now: number): void;
  /** A path of the peer comes from another endpoint than before, or to another local address. */
  otherOrigin(peer: Peer, local: number, source: Source, now: number): void;
  /** Nothing of ours has carried delays back for a while: the traffic is one-way (paper section 3.4.4). */
  feedbackDue(peer: Peer, now: number): void;
}

/** The CM fields that go with a control message. */
export interface Envelope {
  readonly session: number;
  readonly fromOpener: boolean;
  readonly path: IncomingPath;
  readonly timestamp: number;
}

export class Receiver {
  private readonly b: Uint8Array;

  /** The run in hand: datagrams of consecutive sequence numbers in the message. */
  private runSession: Session | undefined;
  private runPath!: IncomingPath;
  private runFirst = 0;
  private runCount = 0;
  private runAt = 0;
  private runLastBytes = 0;
  private runBytes = 0;
  /** Of the run's packets: sent a second time, or on a second path. */
  private runIsCopy = false;

  constructor(
    private readonly context: NodeContext,
    private readonly events: ReceiverEvents,
  ) {
    this.b = context.memory.bytes;
  }

  /** Whether anything of the message is the peer's, or a node introduces itself. */
  message(
    slot: number,
    at: number,
    bytes: number,
    segmentBytes: number,
    local: number,
    source: Source,
    now: number,
  ): boolean {
    const end = at + bytes;
    const stride = segmentBytes > 0 && segmentBytes < bytes ? segmentBytes : bytes;
    let lastPeer: Peer | undefined;
    let lastCm = 0;
    let introduced = false;
    for (let i = at; i < end; i += stride) {
      const size = Math.min(stride, end - i);
      const cmAt = this.findCm(i, size);
      if (cmAt < 0) {
        this.context.counters.malformed++;
        continue;
      }
      const peer = this.context.peers.get(cmNode(this.b, cmAt));
      const type = cmType(this.b, cmAt);
      if (type === CmType.hello || type === CmType.welcome) {
        introduced = this.introduction(type, i, cmAt, local, source, now) || introduced;
      } else if (peer === undefined) {
        this.context.counters.unknownNode++;
      } else if (type === CmType.data || type === CmType.trial) {
        if (this.data(peer, i, cmAt, size, slot, stride, now)) {
          lastPeer = peer;
          lastCm = cmAt;
        }
      } else {
        this.endRun(slot, stride, now);
        if (this.control(peer, type, i, cmAt, size, local, source, now)) {
          lastPeer = peer;
          lastCm = cmAt;
        }
      }
    }
    // Delay and feedback once a message: its datagrams were sent together.
    if (lastPeer !== undefined) {
      this.origin(lastPeer, lastCm, local, source, now);
      this.delays(lastPeer, lastCm, now);
    }
    this.endRun(slot, stride, now);
    // An introduction carries no tag: on the connection of a path it proves nothing.
    return lastPeer !== undefined || (introduced && !(source instanceof TcpConnection && source.isPath));
  }

  /** Offset of the CM of the datagram at `at`, -1 = there is none. */
  private findCm(at: number, bytes: number): number {
    const sealed = at + bytes - CM_BYTES - TAG_BYTES;
    if (sealed >= at && looksLikeCm(this.b, sealed, true)) {
      const peer = this.context.peers.get(cmNode(this.b, sealed));
      if (peer?.authenticated === true) return sealed;
    }
    const open = at + bytes - CM_BYTES;
    return open >= at && looksLikeCm(this.b, open, false) ? open : -1;
  }

  private introduction(type: number, at: number, cmAt: number, local: number, source: Source, now: number): boolean {
    const message = decodeControl(type, this.b, at, cmAt - at);
    if (message === undefined) {
      this.context.counters.malformed++;
      return false;
    }
    this.context.counters.controlReceived++;
    this.events.introduction(message, local, source, now);
    return true;
  }

  /** Whether the datagram is the peer's. `headerBytes` of it are covered by the tag. */
  private isGenuine(peer: Peer, at: number, cmAt: number, bytes: number, headerBytes: number): boolean {
    const sealed = (cmFlags(this.b, cmAt) & CmFlag.AUTHENTICATED) !== 0;
    if (sealed === peer.authenticated && (!sealed || isSealed(peer.mac, this.b, cmAt, at, headerBytes, bytes))) {
      return cmPath(this.b, cmAt) !== 0;
    }
    this.context.counters.badTag++;
    return false;
  }

  private data(
    peer: Peer,
    at: number,
    cmAt: number,
    bytes: number,
    slot: number,
    stride: number,
    now: number,
  ): boolean {
    const { b } = this;
    const openedBySelf = (cmFlags(b, cmAt) & CmFlag.FROM_OPENER) === 0;
    const id = cmSession(b, cmAt);
    let session = this.runSession;
    if (session === undefined || session.peer !== peer || session.id !== id || session.openedBySelf !== openedBySelf) {
      session = peer.sessionOf(id, openedBySelf);
      if (session === undefined) {
        this.context.counters.unknownSession++;
        this.events.unknownSession(peer, id, openedBySelf, now);
        return false;
      }
      if (!session.receives) {
        this.context.counters.unknownSession++;
        return false;
      }
    }
    let headerBytes = 0;
    if (session.protocol === tcp.PROTOCOL_TCP) {
      const available = cmAt - at;
      headerBytes = available < tcp.HEADER_BYTES ? 0 : (b[at + tcp.field.dataOffset] >>> 4) << 2;
      if (headerBytes < tcp.HEADER_BYTES || headerBytes > available) {
        this.context.counters.malformed++;
        return false;
      }
    }
    if (!this.isGenuine(peer, at, cmAt, bytes, headerBytes)) return false;
    const path = peer.incomingPath(cmPath(b, cmAt));
    if (cmType(b, cmAt) === CmType.trial) {
      this.endRun(slot, stride, now);
      path.data(1, bytes + OUTER_BYTES, bytes, (now - cmTimestamp(b, cmAt)) | 0, now);
      return true;
    }
    const sequence = cmSequence(b, cmAt);
    const isCopy = (cmFlags(b, cmAt) & CmFlag.DUPLICATE) !== 0;
    const continues =
      session === this.runSession &&
      path === this.runPath &&
      isCopy === this.runIsCopy &&
      sequence === ((this.runFirst + this.runCount) | 0) &&
      at === this.runAt + this.runCount * stride;
    if (!continues) {
      this.endRun(slot, stride, now);
      this.runSession = session;
      this.runPath = path;
      this.runIsCopy = isCopy;
      this.runFirst = sequence;
      this.runCount = 0;
      this.runAt = at;
      this.runBytes = 0;
    }
    this.runCount++;
    this.runLastBytes = bytes;
    this.runBytes += bytes + OUTER_BYTES;
    return true;
  }

  private endRun(slot: number, stride: number, now: number): void {
    const session = this.runSession;
    if (session === undefined) return;
    this.runSession = undefined;
    const { peer, reorder } = session;
    const path = this.runPath;
    const cmAt =
      this.runAt + (this.runCount - 1) * stride + this.runLastBytes - CM_BYTES - (peer.authenticated ? TAG_BYTES : 0);
    const longest = this.runCount > 1 ? stride : this.runLastBytes;
    path.data(this.runCount, this.runBytes, longest, (now - cmTimestamp(this.b, cmAt)) | 0, now);
    session.updatedAt = now;
    peer.hasData(now);
    this.context.timers.setEarlier(peer.tick, peer.nextTick(now));
    if ((cmFlags(this.b, cmAt) & CmFlag.PATH_BEGINS) !== 0) reorder.pathBegins(now);
    reorder.insert(
      this.runFirst,
      this.runCount,
      slot,
      this.runAt,
      stride,
      this.runLastBytes,
      path,
      this.runIsCopy,
      now,
    );
    if (reorder.deadline < session.holdTimer.due) this.context.timers.set(session.holdTimer, reorder.deadline);
    this.events.data(session, now);
    if (now - peer.feedbackAt > FEEDBACK_US) this.events.feedbackDue(peer, now);
  }

  private control(
    peer: Peer,
    type: number,
    at: number,
    cmAt: number,
    bytes: number,
    local: number,
    source: Source,
    now: number,
  ): boolean {
    const { b, context } = this;
    if (!this.isGenuine(peer, at, cmAt, bytes, cmAt - at)) return false;
    if (!peer.acceptControl(cmSequence(b, cmAt))) {
      context.counters.replayed++;
      return false;
    }
    const message = decodeControl(type, b, at, cmAt - at);
    if (message === undefined) {
      context.counters.malformed++;
      return false;
    }
    context.counters.controlReceived++;
    const envelope = {
      session: cmSession(b, cmAt),
      fromOpener: (cmFlags(b, cmAt) & CmFlag.FROM_OPENER) !== 0,
      path: peer.incomingPath(cmPath(b, cmAt)),
      timestamp: cmTimestamp(b, cmAt),
    };
    peer.heardAt = now;
    this.events.control(peer, message, envelope, local, source, now);
    return true;
  }

  /** A NAT may have given the path another mapping. */
  private origin(peer: Peer, cmAt: number, local: number, source: Source, now: number): void {
    const path = peer.incomingPath(cmPath(this.b, cmAt));
    const origin = (Math.imul(source.fingerprint(), 31) + local) | 0;
    if (path.origin === origin) return;
    path.origin = origin;
    this.events.otherOrigin(peer, local, source, now);
  }

  private delays(peer: Peer, cmAt: number, now: number): void {
    const { b } = this;
    const raw = (now - cmTimestamp(b, cmAt)) | 0;
    peer.incomingPath(cmPath(b, cmAt)).sample(raw, peer.relativeDelay(raw), now);
    peer.heardAt = now;
    if ((cmFlags(b, cmAt) & CmFlag.FEEDBACK) !== 0) {
      const delay = cmDelay(b, cmAt);
      // Forward delay + backward delay: the clock offset cancels out.
      this.events.feedback(peer, cmFeedbackPath(b, cmAt), delay, (delay + raw) | 0, now);
    }
    const digest = cmDigest(b, cmAt);
    if (digest !== peer.digest) this.events.otherAddresses(peer, digest, now);
  }
}
