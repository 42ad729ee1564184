/** Sessions are opened by whoever sends first, acknowledged by the other side, and expire (paper section 3.3). */
import { parseAddress } from '../address.js';
import type { Address } from '../io.js';
import { MAX_HOLD_US, ReorderBuffer } from '../reorder/reorder-buffer.js';
import type { Peer } from '../tables/peers.js';
import { Session } from '../tables/sessions.js';
import { Timer } from '../timers.js';
import { CmType, type Open, type OpenAnswer } from '../wire/control.js';
import type { PacketView } from '../wire/packet.js';
import * as tcp from '../wire/tcp.js';
import type { Binder } from './binder.js';
import type { NodeContext } from './context.js';
import type { ControlChannel } from './control-channel.js';
import type { Delivery } from './delivery.js';
import { addressText } from './handshake.js';
import type { Envelope } from './receiver.js';
import { trailerBytes } from './seal.js';

const OPEN_WAIT_US = 50_000;
const OPEN_LIMIT = 6;
/** A session that the peer did not take is left native for so long. */
const NATIVE_US = 30_000_000;
/** An entry without packets goes; a flow that speaks again is opened anew, at the cost of one round trip on the normal route. */
const IDLE_US = 300_000_000;
const ENDED_IDLE_US = 10_000_000;
const EXPIRY_INTERVAL_US = 5_000_000;
const MAX_SESSIONS_OF_PEER = 32_768;
/** Both sides have sent FIN. */
const ENDED = 3;
/** A session that was silent for so long may be replaced by another one of its id. */
const REUSE_US = 10_000_000;
const UNKNOWN_US = 50_000;
/** Who does not open a connection lets the other side go first, where a NAT is between: it knows which sessions are MPIP's. */
const PATIENCE_US = 1_000_000;

export class SessionManager {
  private readonly expiry: Timer;

  constructor(
    private readonly context: NodeContext,
    private readonly control: ControlChannel,
    private readonly delivery: Delivery,
    private readonly binder: Binder,
    private readonly onExpired: (now: number) => void,
    now: number,
  ) {
    this.expiry = new Timer((at) => this.expire(at));
    context.timers.set(this.expiry, now + EXPIRY_INTERVAL_US);
  }

  /** A packet of a flow that is not in the table, to a steered address: opens a session. Its packets go natively meanwhile. */
  begin(packet: PacketView, peer: Peer, now: number): Session | undefined {
    const b = this.context.memory.bytes;
    const id = freeId(peer);
    if (id === 0) return undefined;
    const { sourceAt, destinationAt, addressBytes } = packet;
    const source = b.slice(sourceAt, sourceAt + addressBytes);
    const destination = b.slice(destinationAt, destinationAt + addressBytes);
    const { protocol, sourcePort, destinationPort } = packet;
    const session = this.add(peer, id, true, protocol, source, destination, sourcePort, destinationPort, now);
    if (peer.validated.has(addressText(destination))) {
      this.sendOpen(session, now);
      return session;
    }
    session.receives = false;
    session.mustBind = true;
    if (protocol === tcp.PROTOCOL_TCP && (packet.tcpFlags & (tcp.SYN | tcp.ACK)) === tcp.SYN) {
      this.binder.start(session, now);
    } else {
      session.state = 'native';
      session.retryAt = now + PATIENCE_US;
    }
    return session;
  }

  /**
   * The peer does not answer what is shown of the session. Where several nodes are behind the NAT it may be another one's: a block under the
   * wrong key is nothing to who gets it, so they are tried one after the other. Whether there is another one.
   */
  unanswered(session: Session, now: number): boolean {
    const { peer, protocol, source, destination, sourcePort, destinationPort } = session;
    const notOf = [...session.notOf, peer];
    const address = addressText(destination);
    const next =
      protocol === tcp.PROTOCOL_TCP || !session.openedBySelf || session.receives
        ? undefined
        : this.context.steered
            .peersAt(address)
            .find((other) => !notOf.includes(other) && other.isExpectedAt(sourcePort, now));
    const id = next === undefined ? 0 : freeId(next);
    if (next === undefined || id === 0) {
      session.notOf = [];
      this.leaveNative(session, now);
      return false;
    }
    this.close(session);
    const other = this.add(next, id, true, protocol, source, destination, sourcePort, destinationPort, now);
    other.notOf = notOf;
    other.receives = false;
    other.mustBind = true;
    other.state = 'native';
    other.retryAt = now;
    return true;
  }

  /** A packet of a session that is not MPIP (yet): tries again when it is time. */
  reconsider(session: Session, now: number): void {
    session.updatedAt = now;
    if (session.state === 'native' && now >= session.retryAt) {
      session.state = 'opening';
      session.opensSent = 0;
      if (session.mustBind) this.binder.start(session, now);
      else this.sendOpen(session, now);
    }
  }

  opened(peer: Peer, message: Open, envelope: Envelope, now: number): void {
    if (!envelope.fromOpener || envelope.session === 0) return;
    const known = peer.sessionOf(envelope.session, false);
    if (known !== undefined && isMirror(known, message)) {
      this.acknowledge(peer, envelope, 'accepted', now);
      return;
    }
    if (!this.isAcceptable(peer, message)) {
      this.acknowledge(peer, envelope, 'bind', now);
      if (message.protocol !== tcp.PROTOCOL_TCP) this.binder.expect(peer, message.destination.port, now);
      return;
    }
    if (known !== undefined) {
      // An id is not used again while its session lives: this is a mistake, or forged where nothing is authenticated.
      if (now - known.updatedAt < REUSE_US) return;
      this.close(known);
    }
    const source = parseAddress(message.destination.address);
    const destination = parseAddress(message.source.address);
    const { protocol } = message;
    const sourcePort = message.destination.port;
    const destinationPort = message.source.port;
    const twin = this.context.sessions.findTuple(protocol, source, sourcePort, destination, destinationPort);
    if (twin !== undefined) {
      // Both sides have opened it: the node with the smaller id prevails, and says so again.
      if (twin.openedBySelf && twin.peer === peer && this.context.key >>> 0 < peer.key >>> 0) {
        this.sendOpen(twin, now);
        return;
      }
      this.close(twin);
    }
    const { session: id } = envelope;
    const session = this.add(peer, id, false, protocol, source, destination, sourcePort, destinationPort, now);
    session.state = 'mpip';
    session.boundAt = now;
    this.acknowledge(peer, envelope, 'accepted', now);
  }

  acknowledged(peer: Peer, envelope: Envelope, answer: OpenAnswer, now: number): void {
    const session = peer.sessionOf(envelope.session, true);
    if (session === undefined || envelope.fromOpener) return;
    switch (answer) {
      case 'accepted':
        this.confirm(session, now);
        break;
      case 'refused':
        this.leaveNative(session, now);
        break;
      case 'bind':
        if (session.state !== 'opening' || session.openTimer.index < 0) break;
        this.context.timers.clear(session.openTimer);
        this.binder.start(session, now);
        break;
    }
  }

  /** The peer has sent data of the session, so it has it. */
  confirm(session: Session, now: number): void {
    if (session.state !== 'mpip' && !session.mustBind) this.bound(session, now);
  }

  bound(session: Session, now: number): void {
    session.state = 'mpip';
    session.boundAt = now;
    this.context.timers.clear(session.openTimer);
    this.binder.stop(session);
  }

  /** A block within a native packet shows a session that the peer has opened; undefined = it cannot have it. */
  shown(peer: Peer, id: number, packet: PacketView, now: number): Session | undefined {
    const { context } = this;
    const b = context.memory.bytes;
    const { sourceAt, destinationAt, addressBytes, protocol } = packet;
    const source = b.slice(destinationAt, destinationAt + addressBytes);
    const destination = b.slice(sourceAt, sourceAt + addressBytes);
    if (!context.isOwn(addressText(source))) return undefined;
    const { sourcePort: destinationPort, destinationPort: sourcePort } = packet;
    const twin = context.sessions.findTuple(protocol, source, sourcePort, destination, destinationPort);
    const known = peer.sessionOf(id, false);
    if (known !== undefined) {
      if (known === twin) {
        if (known.state === 'native') this.reopen(known, now);
        return known;
      }
      // Bound already: the first one counts, or a block that was copied elsewhere would move the session.
      if (now - known.updatedAt < REUSE_US) return undefined;
      this.close(known);
    }
    if (twin !== undefined) {
      if (this.keeps(twin, peer, now)) return undefined;
      this.close(twin);
    }
    const session = this.add(peer, id, false, protocol, source, destination, sourcePort, destinationPort, now);
    session.mustBind = true;
    this.binder.start(session, now);
    return session;
  }

  /** Whether a session stays though `peer` shows one with the same addresses. */
  private keeps(twin: Session, peer: Peer, now: number): boolean {
    // Another node's session that has proved to be its own, as long as it lives.
    if (twin.peer !== peer) return twin.state === 'mpip' && now - twin.updatedAt < REUSE_US;
    // The block was under way when the peer took this one in its place.
    if (twin.state === 'mpip' && now - twin.boundAt < PATIENCE_US) return true;
    // Without packets of its own this side has nothing to show it in.
    const isBeingShown = twin.openedBySelf && twin.state === 'opening' && now - twin.updatedAt < PATIENCE_US;
    return isBeingShown && this.context.key >>> 0 < peer.key >>> 0;
  }

  private reopen(session: Session, now: number): void {
    session.state = 'opening';
    this.binder.start(session, now);
  }

  /** Data came of a session that is not here: the peer is told, and opens it anew with its next packet. */
  unknown(peer: Peer, id: number, openedBySelf: boolean, now: number): void {
    const path = peer.freshest;
    if (now - peer.unknownSaidAt < UNKNOWN_US || path === undefined) return;
    peer.unknownSaidAt = now;
    this.control.send(path, { type: CmType.goodbye, reason: 'unknown' }, now, id, openedBySelf);
  }

  /** The peer does not know the session. */
  forgotten(peer: Peer, envelope: Envelope): void {
    const session = peer.sessionOf(envelope.session, !envelope.fromOpener);
    if (session !== undefined) this.close(session);
  }

  /** Own addresses that sessions use stay with the host when their interface goes, until the last of them ends or it is back. */
  pinAddresses(): void {
    const { sessions, locals, pinned, io } = this.context;
    const wanted = new Set<Address>();
    for (const session of sessions) wanted.add(addressText(session.source));
    for (const { address } of locals) wanted.delete(address);
    for (const address of pinned) {
      if (wanted.has(address)) continue;
      pinned.delete(address);
      io.unpin(address);
    }
    for (const address of wanted) {
      if (pinned.has(address)) continue;
      pinned.add(address);
      io.pin(address);
    }
  }

  closeAll(peer: Peer): void {
    for (const session of [...peer.ownSessions.values(), ...peer.peerSessions.values()]) this.close(session);
  }

  private add(
    peer: Peer,
    id: number,
    openedBySelf: boolean,
    protocol: number,
    source: Uint8Array,
    destination: Uint8Array,
    sourcePort: number,
    destinationPort: number,
    now: number,
  ): Session {
    const { config, slots, sessions } = this.context;
    const trailer = trailerBytes(peer.authenticated);
    const mode = protocol === tcp.PROTOCOL_TCP ? config.reorder.tcp : config.reorder.udp;
    const reorder = new ReorderBuffer(mode, slots, peer.incomingPaths, (slot, at, stride, count, lastBytes) =>
      this.delivery.run(session, slot, at, stride, count, lastBytes, trailer),
    );
    const session: Session = new Session(
      peer,
      id,
      openedBySelf,
      protocol,
      source,
      destination,
      sourcePort,
      destinationPort,
      reorder,
      now,
      (due, at) => this.openDue(due, at),
      (due, at) => this.holdDue(due, at),
    );
    this.order(session, now);
    sessions.add(session);
    (openedBySelf ? peer.ownSessions : peer.peerSessions).set(id, session);
    return session;
  }

  /** The rules have changed: packets that arrive are put in order as they say. */
  orderAll(now: number): void {
    for (const session of this.context.sessions) {
      this.order(session, now);
      const { deadline } = session.reorder;
      if (deadline < session.holdTimer.due) this.context.timers.set(session.holdTimer, deadline);
    }
  }

  private order(session: Session, now: number): void {
    const { config, rules } = this.context;
    const configured = session.protocol === tcp.PROTOCOL_TCP ? config.reorder.tcp : config.reorder.udp;
    const { on, holdLimit = MAX_HOLD_US } = rules.orderingOf(session) ?? { on: configured !== 'off' };
    const mode = on ? (configured === 'off' ? 'adaptive' : configured) : 'off';
    const { reorder } = session;
    if (mode !== reorder.mode || holdLimit !== reorder.holdLimit) reorder.configure(mode, holdLimit, now);
  }

  private close(session: Session): void {
    const { timers, sessions } = this.context;
    const { peer } = session;
    timers.clear(session.openTimer);
    timers.clear(session.holdTimer);
    this.binder.stop(session);
    session.reorder.discard();
    sessions.delete(session);
    (session.openedBySelf ? peer.ownSessions : peer.peerSessions).delete(session.id);
  }

  private sendOpen(session: Session, now: number): void {
    const { peer } = session;
    session.opensSent++;
    this.context.timers.set(session.openTimer, now + OPEN_WAIT_US * 2 ** Math.min(session.opensSent, OPEN_LIMIT));
    const { fastest } = peer;
    if (fastest === undefined) return;
    const message: Open = {
      type: CmType.open,
      source: { address: addressText(session.source), port: session.sourcePort },
      destination: { address: addressText(session.destination), port: session.destinationPort },
      protocol: session.protocol === tcp.PROTOCOL_TCP ? 6 : 17,
    };
    this.control.send(fastest, message, now, session.id, true);
    // It goes unanswered where a queue is full, or a path has failed.
    const other = session.opensSent > 1 ? peer.another(fastest) : undefined;
    if (other !== undefined) this.control.send(other, message, now, session.id, true);
  }

  private openDue(session: Session, now: number): void {
    if (session.state !== 'opening') return;
    if (session.opensSent < OPEN_LIMIT) this.sendOpen(session, now);
    else this.leaveNative(session, now);
  }

  leaveNative(session: Session, now: number): void {
    session.state = 'native';
    session.retryAt = now + NATIVE_US;
    this.context.timers.clear(session.openTimer);
    this.binder.stop(session);
  }

  private holdDue(session: Session, now: number): void {
    session.reorder.onTimeout(now);
    if (session.reorder.deadline < Number.POSITIVE_INFINITY) {
      this.context.timers.set(session.holdTimer, session.reorder.deadline);
    }
  }

  private acknowledge(peer: Peer, { session, path: from }: Envelope, answer: OpenAnswer, now: number): void {
    const path = peer.wayBack(from);
    if (path !== undefined) this.control.send(path, { type: CmType.openAck, answer }, now, session, false);
  }

  /** The peer may only speak for addresses that answered as its own, and only to addresses of this node. */
  private isAcceptable(peer: Peer, { source, destination }: Open): boolean {
    return this.context.isOwn(destination.address) && peer.validated.has(source.address as Address);
  }

  private expire(now: number): void {
    this.context.timers.set(this.expiry, now + EXPIRY_INTERVAL_US);
    for (const session of this.context.sessions) {
      const idle = now - session.updatedAt;
      if (idle > IDLE_US || (session.finSeen === ENDED && idle > ENDED_IDLE_US)) this.close(session);
    }
    this.pinAddresses();
    this.onExpired(now);
  }
}

function isMirror(session: Session, { source, destination, protocol }: Open): boolean {
  return (
    session.protocol === protocol &&
    session.sourcePort === destination.port &&
    session.destinationPort === source.port &&
    addressText(session.source) === destination.address &&
    addressText(session.destination) === source.address
  );
}

/** 1 to 65535; 0 = the peer has too many sessions. */
function freeId(peer: Peer): number {
  if (peer.ownSessions.size >= MAX_SESSIONS_OF_PEER) return 0;
  do {
    peer.nextSession = (peer.nextSession % 0xffff) + 1;
  } while (peer.ownSessions.has(peer.nextSession));
  return peer.nextSession;
}
