/** A node of MPIP: packets, time and events in; packets, timers and events (NodeIo) out. */
import { formatAddress } from './address.js';
import type { NodeConfig } from './config.js';
import type { Address, Endpoint, LocalAddress, NodeIo, Source } from './io.js';
import type { Memory } from './memory.js';
import { Binder } from './node/binder.js';
import { addressDigest, NodeContext } from './node/context.js';
import { ControlChannel } from './node/control-channel.js';
import { Delivery } from './node/delivery.js';
import { Handshake } from './node/handshake.js';
import { IcmpErrors } from './node/icmp-errors.js';
import { PathManager } from './node/path-manager.js';
import { type Envelope, Receiver } from './node/receiver.js';
import { SessionManager } from './node/session-manager.js';
import { describe } from './node/snapshot.js';
import { Steering } from './node/steering.js';
import { TcpCarrier } from './node/tcp-carrier.js';
import { TooLong } from './node/too-long.js';
import { Transmitter } from './node/transmitter.js';
import { type RoutingRule, RuleSet } from './routing/rules.js';
import type { SlotPool } from './slots.js';
import type { NodeStatus } from './status.js';
import type { Peer } from './tables/peers.js';
import type { Session } from './tables/sessions.js';
import { CmType, type ControlMessage } from './wire/control.js';
import { PacketView } from './wire/packet.js';
import { NativeCutter } from './wire/segment.js';
import * as tcp from './wire/tcp.js';
import * as udp from './wire/udp.js';
import * as vnet from './wire/vnet.js';

export class Node {
  private readonly context: NodeContext;
  private readonly control: ControlChannel;
  private readonly handshake: Handshake;
  private readonly connections: TcpCarrier;
  private readonly paths: PathManager;
  private readonly binder: Binder;
  private readonly steering: Steering;
  private readonly sessions: SessionManager;
  private readonly delivery: Delivery;
  private readonly transmitter: Transmitter;
  private readonly tooLong: TooLong;
  private readonly icmpErrors: IcmpErrors;
  private readonly receiver: Receiver;
  private readonly cutter: NativeCutter;
  private readonly packet = new PacketView();
  private readonly sendNative: (offset: number, bytes: number) => void;

  constructor(config: NodeConfig, memory: Memory, slots: SlotPool, io: NodeIo, now: number) {
    const context = new NodeContext(config, memory, slots, io);
    this.context = context;
    this.control = new ControlChannel(context);
    this.delivery = new Delivery(memory, slots, io, context.counters);
    this.steering = new Steering(context);
    this.connections = new TcpCarrier(context, {
      datagrams: (slot, at, bytes, segmentBytes, from, now) =>
        this.receiver.message(slot, at, bytes, segmentBytes, from.local.id, from, now),
      connected: (connection, at) => {
        this.paths.connected(connection, at);
        this.handshake.connected(connection, at);
      },
      ended: (connection, inOrder, at) => this.paths.disconnected(connection, inOrder, at),
    });
    this.paths = new PathManager(context, this.control, this.connections, this.steering, {
      gone: (peer, reason, at) => this.forget(peer, reason, at),
      failed: (path, at) => this.transmitter.handOver(path, at),
    });
    this.binder = new Binder(context, this.control, {
      shown: (peer, id, packet, at) => this.sessions.shown(peer, id, packet, at),
      steer: (peer, address) => this.steering.steerTo(peer, address),
      bound: (session, at) => this.sessions.bound(session, at),
      unanswered: (session, at) => this.sessions.unanswered(session, at),
    });
    const { control, delivery, binder } = this;
    this.sessions = new SessionManager(context, control, delivery, binder, (at) => this.releaseUnused(at), now);
    this.handshake = new Handshake(context, this.control, this.connections, {
      tick: (peer, at) => this.tick(peer, at),
      proven: (peer, at) => this.paths.connect(peer, at),
      reached: (peer, local, source, at) => this.paths.learn(peer, local, source, at),
      gone: (peer, reason, at) => this.forget(peer, reason, at),
    });
    this.transmitter = new Transmitter(context);
    this.tooLong = new TooLong(context, this.delivery);
    this.icmpErrors = new IcmpErrors(context, this.control, this.delivery);
    this.receiver = new Receiver(context, {
      introduction: (message, local, source, at) => this.handshake.introduction(message, local, source, at),
      control: (peer, message, envelope, local, source, at) =>
        this.controlReceived(peer, message, envelope, local, source, at),
      feedback: (peer, path, delay, rtt, at) => this.paths.feedback.delayReceived(peer, path, delay, rtt, at),
      unknownSession: (peer, id, openedBySelf, at) => this.sessions.unknown(peer, id, openedBySelf, at),
      otherAddresses: (peer, _digest, at) => this.paths.askAddresses(peer, at),
      data: (session, at) => this.sessions.confirm(session, at),
      otherOrigin: (peer, local, source, at) => this.paths.otherOrigin(peer, local, source, at),
      feedbackDue: (peer, at) => this.paths.feedback.report(peer, at),
    });
    this.cutter = new NativeCutter(memory);
    this.sendNative = (offset, bytes) => io.sendNative(offset, bytes);
    this.handshake.start(now);
  }

  /** The whole list, at start and after every change of the network: paths that are not live are probed at once. */
  setLocalAddresses(addresses: readonly LocalAddress[], now: number): void {
    const { context } = this;
    const before = context.digest;
    context.locals = addresses;
    context.digest = addressDigest(context.ownEndpoints());
    if (context.digest !== before) context.addressSequence++;
    this.sessions.pinAddresses();
    this.paths.addressesChanged(context.digest !== before, now);
    this.connections.addressesChanged(now);
    if (context.digest !== before) this.handshake.addressesChanged(now);
  }

  /** The whole list of rules, from the next packet on. Those that stay the same keep their counts. */
  setRules(rules: readonly RoutingRule[], now: number): void {
    const { context } = this;
    context.rules = new RuleSet(rules, context.rules);
    for (const peer of context.peers.values()) peer.keepRules(context.rules);
    this.sessions.orderAll(now);
  }

  /** The sniffer saw an own packet to an address that is not steered. */
  destinationSeen(address: Address, now: number): void {
    this.handshake.destinationSeen(address, now);
  }

  /**
   * One virtio_net_hdr (12 bytes) + IP packet or super-packet read from the TUN device; not touched after the call returns.
   * What is no session of a peer goes on natively.
   */
  fromTun(offset: number, bytes: number, now: number): void {
    const { context, packet } = this;
    const b = context.memory.bytes;
    const ipAt = offset + vnet.VNET_BYTES;
    if (!packet.parse(b, ipAt, bytes - vnet.VNET_BYTES)) {
      context.counters.malformed++;
      return;
    }
    const { protocol } = packet;
    const isSession = !packet.isFragment && (protocol === tcp.PROTOCOL_TCP || protocol === udp.PROTOCOL_UDP);
    if (isSession && packet.isRestorable(b)) {
      const known = context.sessions.find(b, packet);
      if (known !== undefined && known.state === 'mpip' && this.takesPath(known, now)) {
        const gsoBytes = vnet.gsoType(b, offset) === vnet.GSO_NONE ? 0 : vnet.gsoBytes(b, offset);
        const segmentBytes = this.transmitter.payloadFor(known, packet, gsoBytes);
        if (segmentBytes >= 0) {
          this.transmitter.send(known, packet, segmentBytes, now);
          return;
        }
        if (this.tooLong.refuse(known, packet, gsoBytes)) return;
      }
      if (known !== undefined && known.state !== 'mpip') this.sessions.reconsider(known, now);
      const session = known ?? this.begin(now);
      if (session?.state === 'opening' && session.binding !== undefined) {
        const cut = (emit: (at: number, size: number) => void): number => this.cutter.cut(offset, bytes, emit);
        context.counters.nativePackets += this.binder.sendNative(session, packet, cut, now);
        return;
      }
    }
    if (!isSession && this.icmpErrors.send(packet, now)) return;
    context.counters.nativePackets += this.cutter.cut(offset, bytes, this.sendNative);
  }

  /** Whether the packet in hand, of an MPIP session, goes over the paths. */
  private takesPath(session: Session, now: number): boolean {
    if (session.peer.usable.length === 0) return false;
    return session.binding === undefined || !this.binder.keepNativeRoute(session, this.packet, now);
  }

  /** The packet in hand is of no session: opens one. */
  private begin(now: number): Session | undefined {
    const { context, packet } = this;
    const address = formatAddress(context.memory.bytes, packet.destinationAt, packet.addressBytes);
    const peers = context.steered.peersAt(address);
    // Of several nodes behind one NAT only the packets themselves tell whose a session is: it is the node's to show them, unless it says that
    // it has a session with this port. Then it may have nothing to send any more, and is asked.
    const isExpected = (peer: Peer): boolean =>
      packet.protocol === udp.PROTOCOL_UDP && peer.isExpectedAt(packet.sourcePort, now);
    const peer =
      peers.find(({ validated }) => validated.has(address)) ?? (peers.length === 1 ? peers[0] : peers.find(isExpected));
    return peer && this.sessions.begin(packet, peer, now);
  }

  /**
   * An incoming packet that the kernel has delivered natively: one that carries a block of MPIP, or of ports that are watched. `bytes` are its IP
   * header's; of one that is watched the headers are enough.
   */
  fromNative(offset: number, bytes: number, now: number): void {
    const { packet } = this;
    if (packet.parse(this.context.memory.bytes, offset, bytes) && !packet.isFragment) this.binder.received(packet, now);
  }

  /**
   * One message received by the wrapper socket of `local`: datagrams of `segmentBytes` (0 = one datagram), in a slot of the pool. The
   * caller gives up its reference to the slot afterwards.
   */
  fromWire(
    slot: number,
    offset: number,
    bytes: number,
    segmentBytes: number,
    local: number,
    source: Source,
    now: number,
  ): void {
    if (this.context.config.transport === 'tcp') return;
    this.receiver.message(slot, offset, bytes, segmentBytes, local, source, now);
  }

  /**
   * One IP packet with a TCP segment to the wrapper's port or a reserved one of `local`, its checksum right; or several segments of
   * `segmentBytes` payload that the kernel has joined (0 = one). The slot as in `fromWire`.
   */
  fromTcp(slot: number, offset: number, bytes: number, segmentBytes: number, local: number, now: number): void {
    this.connections.segment(slot, offset, bytes, segmentBytes, local, now);
  }

  /** ICMP port unreachable came back for a datagram of ours. */
  unreachable(local: number, remote: Endpoint, now: number): void {
    this.handshake.unreachable(remote, now);
    this.paths.unreachable(local, remote, now);
  }

  /** ICMP, or the own interface, says that no more than `mtu` bytes of IP packet get from here to there. */
  pathTooLong(local: number, remote: Address, mtu: number, now: number): void {
    this.paths.tooLong(local, remote, mtu, now);
  }

  /** End of a wake-up: what was gathered is written out. */
  flush(_now: number): void {
    this.delivery.write();
  }

  /** When onTimeout wants to be called next, us; Infinity = never. */
  nextTimeout(): number {
    return this.context.timers.next();
  }

  onTimeout(now: number): void {
    this.context.timers.run(now);
  }

  /** Tells all peers that this node stops, and gives everything back. */
  close(now: number): void {
    for (const peer of [...this.context.peers.values()]) {
      for (const path of peer.usable) this.control.send(path, { type: CmType.goodbye, reason: 'shutdown' }, now);
      this.forget(peer, 'this node stops', now);
    }
    this.connections.close(now);
    this.delivery.write();
  }

  status(now: number): NodeStatus {
    return describe(this.context, this.handshake.entries.values(), now);
  }

  private controlReceived(
    peer: Peer,
    message: ControlMessage,
    envelope: Envelope,
    local: number,
    source: Source,
    now: number,
  ): void {
    if (!peer.proven) {
      peer.proven = true;
      this.paths.connect(peer, now);
    }
    switch (message.type) {
      case CmType.open:
        this.sessions.opened(peer, message, envelope, now);
        break;
      case CmType.openAck:
        this.sessions.acknowledged(peer, envelope, message.answer, now);
        break;
      case CmType.bound:
        this.binder.answered(peer, message, envelope, now);
        break;
      case CmType.probe:
        this.paths.probeReceived(peer, message, envelope, local, source, now);
        break;
      case CmType.probeReply:
        this.paths.probeAnswered(peer, message, envelope, now);
        break;
      case CmType.report:
        this.paths.feedback.reportReceived(peer, message, now);
        break;
      case CmType.heartbeat:
        this.paths.feedback.heartbeatReceived(envelope.path, message);
        break;
      case CmType.addresses:
        if (message.sequence === 0) this.paths.pushAddresses(peer, now);
        else this.paths.addressList(peer, message.addresses, message.sequence, now);
        break;
      case CmType.icmp:
        this.icmpErrors.received(peer, message, envelope);
        break;
      case CmType.goodbye:
        if (message.reason === 'unknown') this.sessions.forgotten(peer, envelope);
        else this.forget(peer, `peer says ${message.reason}`, now);
        break;
    }
  }

  private releaseUnused(now: number): void {
    for (const peer of this.context.peers.values()) this.steering.releaseUnused(peer, now);
  }

  private tick(peer: Peer, now: number): void {
    if (peer.state === 'greeting') this.forget(peer, 'no path answered', now);
    else this.paths.tick(peer, now);
  }

  private forget(peer: Peer, reason: string, now: number): void {
    const { context } = this;
    if (context.peers.get(peer.key) !== peer) return;
    context.io.log('warn', 'peer-gone', { node: peer.name, reason });
    context.peers.delete(peer.key);
    context.timers.clear(peer.tick);
    this.sessions.closeAll(peer);
    this.sessions.pinAddresses();
    this.paths.forget(peer, now);
    this.handshake.peerGone(peer, now);
  }
}
