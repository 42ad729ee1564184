/**
 * Sessions whose addresses a NAT changes (paper sections 3.2 and 4.1). Each side puts a block into native packets of its own; the other one
 * sees it there with the addresses that the session has on its side, and returns the block's challenge over a path. A side takes the
 * peer's packets once it has seen the peer's block, and sends its own over the paths once its challenge is back: so it knows that the
 * session's packets reach this peer and nobody else.
 */

import { formatAddress } from '../address.js';
import type { Address } from '../io.js';
import { get32 } from '../memory.js';
import { Binding } from '../nat/binding.js';
import { blockBytes, findBlock, InBand } from '../nat/in-band.js';
import type { Peer } from '../tables/peers.js';
import type { Session } from '../tables/sessions.js';
import {
  CHALLENGE_BYTES,
  CM_BYTES,
  CmFlag,
  cmChallengeAt,
  cmFlags,
  cmNode,
  cmSequence,
  cmSession,
  TAG_BYTES,
  writeCm,
} from '../wire/cm.js';
import { type Bound, CmType } from '../wire/control.js';
import * as ipv4 from '../wire/ipv4.js';
import * as ipv6 from '../wire/ipv6.js';
import type { PacketView } from '../wire/packet.js';
import * as tcp from '../wire/tcp.js';
import type { NodeContext } from './context.js';
import type { ControlChannel } from './control-channel.js';
import { equal } from './handshake.js';
import type { Envelope } from './receiver.js';
import { isSealed, seal } from './seal.js';

/** First wait for the answer to a block, and at least a round trip and a half, since queues may be full; doubles. */
const ANSWER_WAIT_US = 50_000;
/** Where blocks are known to come through, one that is missing was lost to a queue: the next one waits for no answer, and this much longer. */
const OPEN_ROUTE_GROWTH = 1.25;
/** Blocks that may go unanswered. */
const TCP_BLOCKS = 6;
/** A session that the peer has opened, but speaks no more of, may be shown by this side for so long: as long as the peer keeps it. */
const EXPECTED_US = 300_000_000;
const MAX_EXPECTED_PORTS = 1024;
/**
 * Middleboxes that check TCP's windows follow the session by bare headers on its native route: `LEAD_BYTES` ahead of what is sent, since they
 * drop acknowledgments of what they have not seen, and again each time half of that is used up.
 */
const LEAD_BYTES = 32 * 1024;

/** What the binder tells the rest of the node. */
export interface BinderEvents {
  /** The peer shows a session that it has opened; undefined = it cannot have it. */
  shown(peer: Peer, id: number, packet: PacketView, now: number): Session | undefined;
  /** Packets to the address are to come from the TUN device. */
  steer(peer: Peer, address: Address): void;
  bound(session: Session, now: number): void;
  /** The peer does not see the blocks, or cannot answer. Whether the session may be another node's, which is asked next. */
  unanswered(session: Session, now: number): boolean;
}

export class Binder {
  private readonly inBand: InBand;
  private readonly block: number;

  constructor(
    private readonly context: NodeContext,
    private readonly control: ControlChannel,
    private readonly events: BinderEvents,
  ) {
    this.inBand = new InBand(context.memory);
    this.block = context.memory.allocate(CM_BYTES + TAG_BYTES);
  }

  /** Begins to show the session; its state is `opening`. */
  start(session: Session, now: number): void {
    const { io } = this.context;
    session.binding ??= new Binding(io.crypto.randomBytes(CHALLENGE_BYTES));
    const { binding } = session;
    binding.attempts = 0;
    binding.nextAt = now;
    if (session.protocol !== tcp.PROTOCOL_TCP || binding.watched) return;
    binding.watched = true;
    io.watch(session.destinationPort, session.sourcePort);
  }

  /**
   * The peer has a UDP session that it has to show. It may have nothing to send any more, so what goes to where its NATs are comes from the
   * TUN device from now on, and this side can show it; `port` is the own one.
   */
  expect(peer: Peer, port: number, now: number): void {
    peer.bindingExpectedUntil = now + EXPECTED_US;
    for (const [other, until] of peer.expectedPorts) if (until <= now) peer.expectedPorts.delete(other);
    if (peer.expectedPorts.size < MAX_EXPECTED_PORTS) peer.expectedPorts.set(port, now + EXPECTED_US);
    for (const { remote } of peer.usable) if (!peer.isNamed(remote)) this.events.steer(peer, remote.address);
  }

  /** The session is bound, given up or closed. */
  stop({ binding, destinationPort, sourcePort }: Session): void {
    if (binding?.watched !== true) return;
    binding.watched = false;
    this.context.io.unwatch(destinationPort, sourcePort);
  }

  /**
   * A packet of a session that is being shown is to go natively: `cut` hands out the complete packets that it makes, which are sent, with a
   * block when one is due. Returns how many.
   */
  sendNative(
    session: Session,
    packet: PacketView,
    cut: (emit: (offset: number, bytes: number) => void) => number,
    now: number,
  ): number {
    const binding = session.binding!;
    const { io } = this.context;
    const isTcp = session.protocol === tcp.PROTOCOL_TCP;
    if (isTcp) binding.noteSent(packet.tcpSequence, packet.tcpFlags, packet.payloadBytes);
    if (now < binding.nextAt) return cut((at, bytes) => io.sendNative(at, bytes));
    const { surplusRoutes } = this.context;
    if (binding.attempts >= (isTcp ? TCP_BLOCKS : surplusRoutes.blocks(session, now))) {
      if (!this.events.unanswered(session, now) && !isTcp && binding.attempts > 0) {
        surplusRoutes.unanswered(session, now);
      }
      return cut((at, bytes) => io.sendNative(at, bytes));
    }
    return isTcp ? this.showTcp(session, packet, cut, now) : this.showUdp(session, packet, cut, now);
  }

  private showTcp(
    session: Session,
    packet: PacketView,
    cut: (emit: (offset: number, bytes: number) => void) => number,
    now: number,
  ): number {
    const binding = session.binding!;
    const { io } = this.context;
    const count = cut((at, bytes) => io.sendNative(at, bytes));
    const fits = (packet.tcpFlags & (tcp.SYN | tcp.RST | tcp.ACK)) === tcp.ACK;
    if (!fits || !binding.acknowledgedKnown) return count;
    const bytes = this.writeBlock(session, now);
    this.inBand.oldSegment(packet, binding.acknowledged, this.block, bytes, (at, size) => io.sendNative(at, size));
    this.noteShown(session, now);
    return count;
  }

  private showUdp(
    session: Session,
    packet: PacketView,
    cut: (emit: (offset: number, bytes: number) => void) => number,
    now: number,
  ): number {
    const { io } = this.context;
    const mtu = this.blockMtu(session);
    const bytes = this.writeBlock(session, now);
    let pending = true;
    const count = cut((at, size) => {
      if (!pending) {
        io.sendNative(at, size);
        return;
      }
      const emit = (offset: number, total: number): void => io.sendNative(offset, total);
      if (this.inBand.withSurplus(at, size, packet.ipBytes, mtu, this.block, bytes, emit)) pending = false;
    });
    if (!pending) this.noteShown(session, now);
    return count;
  }

  private noteShown(session: Session, now: number): void {
    const { binding, peer, protocol } = session;
    if (binding === undefined) return;
    const isOpen = protocol !== tcp.PROTOCOL_TCP && this.context.surplusRoutes.isOpen(session);
    const wait = isOpen ? ANSWER_WAIT_US : Math.max(ANSWER_WAIT_US, 1.5 * (peer.freshest?.rtt ?? 0));
    binding.nextAt = now + wait * (isOpen ? OPEN_ROUTE_GROWTH : 2) ** binding.attempts;
    binding.attempts++;
  }

  /** Datagrams of the applications fit the wrapper; a block is no longer than that. */
  private blockMtu({ peer, source }: Session): number {
    const own = formatAddress(source, 0, source.length);
    const local = this.context.locals.find(({ address }) => address === own);
    return local?.mtu ?? Math.min(...peer.paths.map((path) => path.local.mtu));
  }

  private writeBlock(session: Session, now: number): number {
    const { context, block } = this;
    const { peer, id, openedBySelf, binding } = session;
    const b = context.memory.bytes;
    const flags = (openedBySelf ? CmFlag.FROM_OPENER : 0) | (peer.authenticated ? CmFlag.AUTHENTICATED : 0);
    const { bind } = CmType;
    writeCm(b, block, bind, flags, context.key, id, 0, 0, now, 0, peer.controlSequence++, context.digest);
    b.set(binding!.challenge, cmChallengeAt(block));
    if (!peer.authenticated) return CM_BYTES;
    seal(peer.mac, b, block, block, 0, CM_BYTES + TAG_BYTES);
    return CM_BYTES + TAG_BYTES;
  }

  /** A native packet came in: with a block, or of a session that is watched. */
  received(packet: PacketView, now: number): void {
    const b = this.context.memory.bytes;
    const blockAt = findBlock(b, packet);
    if (blockAt >= 0) this.blockReceived(packet, blockAt, now);
    else if (packet.protocol === tcp.PROTOCOL_TCP) this.acknowledgmentSeen(packet);
  }

  private acknowledgmentSeen(packet: PacketView): void {
    const { binding } = this.sessionOf(packet) ?? {};
    if (binding === undefined || (packet.tcpFlags & (tcp.ACK | tcp.RST)) !== tcp.ACK) return;
    const b = this.context.memory.bytes;
    binding.noteAcknowledged(get32(b, packet.transportAt + tcp.field.acknowledgment));
    binding.noteTimeToLive(timeToLive(b, packet));
  }

  private blockReceived(packet: PacketView, at: number, now: number): void {
    const { context } = this;
    const b = context.memory.bytes;
    const peer = context.peers.get(cmNode(b, at));
    const id = cmSession(b, at);
    if (peer === undefined || id === 0) return;
    const bytes = blockBytes(b, at);
    const sealed = bytes > CM_BYTES;
    if (sealed !== peer.authenticated || (sealed && !isSealed(peer.mac, b, at, at, 0, bytes))) {
      context.counters.badTag++;
      return;
    }
    if (!peer.acceptControl(cmSequence(b, at))) {
      context.counters.replayed++;
      return;
    }
    context.counters.controlReceived++;
    const byPeer = (cmFlags(b, at) & CmFlag.FROM_OPENER) !== 0;
    const session = byPeer ? this.events.shown(peer, id, packet, now) : this.sessionOf(packet);
    if (session === undefined || session.peer !== peer || session.id !== id || session.openedBySelf === byPeer) return;
    session.receives = true;
    if (packet.protocol !== tcp.PROTOCOL_TCP) context.surplusRoutes.received(session);
    if (session.binding !== undefined) {
      session.binding.noteTimeToLive(timeToLive(b, packet));
      if (packet.protocol === tcp.PROTOCOL_TCP) {
        session.binding.trustAcknowledged(get32(b, packet.transportAt + tcp.field.acknowledgment));
      }
    }
    const path = peer.freshest;
    if (path === undefined) return;
    if (byPeer) this.events.steer(peer, formatAddress(b, packet.sourceAt, packet.addressBytes));
    const challenge = b.slice(cmChallengeAt(at), cmChallengeAt(at) + CHALLENGE_BYTES);
    const message: Bound = { type: CmType.bound, challenge };
    this.control.send(path, message, now, id, session.openedBySelf);
    const other = peer.another(path);
    if (other !== undefined) this.control.send(other, message, now, id, session.openedBySelf);
  }

  /** The peer has returned a challenge. */
  answered(peer: Peer, message: Bound, envelope: Envelope, now: number): void {
    const session = peer.sessionOf(envelope.session, !envelope.fromOpener);
    if (session?.binding === undefined || session.state === 'mpip') return;
    if (!equal(session.binding.challenge, message.challenge)) return;
    this.context.surplusRoutes.answered(session);
    this.events.bound(session, now);
  }

  /**
   * A packet of a bound session is about to take a path. The native route's middleboxes are kept up to date, so that the session can go on
   * there at any moment without MPIP. Returns whether the packet itself is to go there: one datagram now and then, for a NAT's mapping.
   */
  keepNativeRoute(session: Session, packet: PacketView, now: number): boolean {
    const binding = session.binding!;
    if (session.protocol !== tcp.PROTOCOL_TCP) {
      if (now - binding.nativeAt < this.context.config.keepAlive) return false;
      binding.nativeAt = now;
      return true;
    }
    if (binding.routers > 0 && (packet.tcpFlags & (tcp.SYN | tcp.FIN | tcp.RST | tcp.ACK)) === tcp.ACK) {
      this.tell(binding, packet);
    }
    return false;
  }

  private tell(binding: Binding, packet: PacketView): void {
    const { memory, io } = this.context;
    const end = (packet.tcpSequence + packet.payloadBytes) | 0;
    const received = get32(memory.bytes, packet.transportAt + tcp.field.acknowledgment);
    // Never what is sent already: the kernel would take the router's ICMP message for one about the connection (RFC 5927 section 4.1).
    const lead = packet.payloadBytes > 0 ? LEAD_BYTES : 1;
    const isDue =
      !binding.hasTold ||
      ((end + lead / 2 - binding.toldSent) | 0) > 0 ||
      ((received - binding.toldReceived) | 0) >= LEAD_BYTES / 2;
    if (!isDue) return;
    const next = (end + lead) | 0;
    if (!binding.hasTold || ((next - binding.toldSent) | 0) > 0) binding.toldSent = next;
    binding.toldReceived = received;
    binding.hasTold = true;
    // Dies at the last router: a host that no longer knows the connection by these addresses would answer with a reset.
    this.inBand.bareHeader(packet, binding.toldSent, binding.routers, (at, bytes) => io.sendNative(at, bytes));
  }

  /** The session that an incoming native packet belongs to. */
  private sessionOf(packet: PacketView): Session | undefined {
    const { memory, sessions } = this.context;
    const { protocol, sourceAt, destinationAt, addressBytes, sourcePort, destinationPort } = packet;
    const b = memory.bytes;
    const own = b.slice(destinationAt, destinationAt + addressBytes);
    const other = b.slice(sourceAt, sourceAt + addressBytes);
    return sessions.findTuple(protocol, own, destinationPort, other, sourcePort);
  }
}

function timeToLive(b: Uint8Array, { ipAt, version }: PacketView): number {
  return b[ipAt + (version === 4 ? ipv4.field.timeToLive : ipv6.field.hopLimit)];
}
