/**
 * Fake TCP connections between nodes (nat/fake-tcp.ts): opened, accepted, acknowledged, ended. Nothing of MPIP is sent to who has not
 * answered the marked handshake, and a SYN goes only where its caller knows a node to be, or was told so.
 */
import { formatAddress, isIpv6 } from '../address.js';
import type { Address, Endpoint, LocalAddress } from '../io.js';
import { FakeTcp, isHandshake, SYN_BYTES, writeRefusal } from '../nat/fake-tcp.js';
import { ConnectionTable, TcpConnection } from '../tables/connections.js';
import * as ipv4 from '../wire/ipv4.js';
import * as ipv6 from '../wire/ipv6.js';
import { PacketView } from '../wire/packet.js';
import * as tcp from '../wire/tcp.js';
import type { NodeContext } from './context.js';

/** First wait for an answer to a SYN; doubles. */
const SYN_WAIT_US = 250_000;
const SYN_ATTEMPTS = 4;
/** After a refusal or silence the same two addresses are left alone for so long; doubles. */
const BACK_OFF_US = 1_000_000;
const MAX_BACK_OFF_US = 60_000_000;
const MAX_BACK_OFFS = 4096;
/** Who has asked for a connection and then says nothing is forgotten. */
const EMBRYO_LIFE_US = 10_000_000;
const MAX_EMBRYOS = 256;
/** What is under way when one side has sent FIN still comes. */
const LINGER_US = 1_000_000;
/** What has come is acknowledged after so long, if no datagram has done it before. */
const ACKNOWLEDGE_US = 40_000;
/** Segments of no connection that are answered with a reset, each second. */
const REFUSALS_PER_SECOND = 200;

/** What the connections tell the rest of the node. */
export interface TcpCarrierEvents {
  /** Datagrams of `segmentBytes` (0 = one), as a message of a UDP socket. Whether any of them is a node's. */
  datagrams(slot: number, at: number, bytes: number, segmentBytes: number, from: TcpConnection, now: number): boolean;
  /** One that was opened here carries datagrams now. */
  connected(connection: TcpConnection, now: number): void;
  /** It carries nothing any more: `inOrder` when the other side has said that it takes no more, and what is under way still comes. */
  ended(connection: TcpConnection, inOrder: boolean, now: number): void;
}

interface BackOff {
  readonly waitUs: number;
  readonly until: number;
}

export class TcpCarrier {
  private readonly connections = new ConnectionTable();
  /** By `pair`: those that were opened here. */
  private readonly opened = new Map<string, TcpConnection>();
  private readonly backOffs = new Map<string, BackOff>();
  private readonly packet = new PacketView();
  private readonly header: number;
  private readonly b: Uint8Array;
  private embryos = 0;
  private refusals = 0;
  private refusalsSince = 0;

  constructor(
    private readonly context: NodeContext,
    private readonly events: TcpCarrierEvents,
  ) {
    this.b = context.memory.bytes;
    this.header = context.memory.allocate(SYN_BYTES);
  }

  /** Begins a connection unless there is one, or an attempt has failed lately. `remote` must be known to run MPIP, or be configured. */
  open(local: LocalAddress, remote: Endpoint, now: number): void {
    const { io, config } = this.context;
    const name = pair(local, remote);
    if (config.transport === 'udp' || this.opened.has(name) || now < (this.backOffs.get(name)?.until ?? 0)) return;
    const port = io.reservePort(local.id);
    if (port === 0) return;
    const connection = this.make(FakeTcp.open(port, remote.port, this.context.random32()), true, local, remote);
    this.opened.set(name, connection);
    this.sendSyn(connection, now);
  }

  /** That between two addresses which was opened here, whatever its state. */
  openedTo(local: LocalAddress, remote: Endpoint): TcpConnection | undefined {
    return this.opened.get(pair(local, remote));
  }

  /** The connection carries a path: it stays until it is ended. */
  adopt(connection: TcpConnection): void {
    if (!connection.isPath && !connection.isOpener) this.embryos--;
    connection.isPath = true;
    this.context.timers.clear(connection.timer);
  }

  /** One TCP segment for the wrapper's port or a reserved one, or several whose payload the kernel has joined (`segmentBytes` of each; 0 = one). */
  segment(slot: number, at: number, bytes: number, segmentBytes: number, local: number, now: number): void {
    const { b, packet, context } = this;
    if (context.config.transport === 'udp') return;
    if (!packet.parse(b, at, bytes) || packet.isFragment || packet.protocol !== tcp.PROTOCOL_TCP) {
      context.counters.malformed++;
      return;
    }
    const { transportAt, transportBytes, payloadAt, payloadBytes } = packet;
    const connection = this.connections.find(b, packet, local);
    if (connection === undefined) {
      this.unknown(local, now);
      return;
    }
    switch (connection.tcp.received(b, transportAt, transportBytes, payloadBytes)) {
      case 'ignore':
        return;
      case 'answer':
        this.put(connection.route, connection.tcp.writeAnswer(b, this.header, maximumSegment(connection.local)));
        return;
      case 'established':
        this.established(connection, now);
        if (payloadBytes === 0 || connection.isOpener) return;
        break;
      case 'finished':
        this.finish(connection, now);
        this.events.ended(connection, true, now);
        return;
      case 'reset':
        this.refused(connection, 'reset', now);
        return;
      case 'foreign':
        connection.tcp.writeReset(b, this.header);
        this.put(connection.route, tcp.HEADER_BYTES);
        this.refused(connection, 'no MPIP', now);
        return;
      case 'stray':
        this.refuse(connection.route, now);
        return;
      case 'deliver':
        break;
    }
    if (!this.events.datagrams(slot, payloadAt, payloadBytes, segmentBytes, connection, now)) return;
    connection.tcp.accept(b, transportAt, payloadBytes);
    if (connection.tcp.state === 'closed') return;
    if (connection.tcp.acknowledgmentDue) this.acknowledge(connection);
    else this.context.timers.setEarlier(connection.acknowledge, now + ACKNOWLEDGE_US);
  }

  /** This side takes no path of it any more; what is under way from the other side still comes. */
  finish(connection: TcpConnection, now: number): void {
    if (connection.tcp.state !== 'established') {
      this.abort(connection, now);
      return;
    }
    connection.tcp.writeFinish(this.b, this.header);
    this.put(connection.route, tcp.HEADER_BYTES);
    this.context.timers.set(connection.timer, now + LINGER_US);
  }

  /** Ends a connection at once, here, at the other side and at what tracks it on the way. */
  abort(connection: TcpConnection, now: number): void {
    if (connection.tcp.state !== 'closed') {
      connection.tcp.writeReset(this.b, this.header);
      this.put(connection.route, tcp.HEADER_BYTES);
    }
    this.remove(connection, now);
  }

  /** Own addresses have changed: connections of those that are gone end without a word, and what failed before may work now. */
  addressesChanged(now: number): void {
    const present = new Set(this.context.locals.map(({ id }) => id));
    for (const connection of [...this.connections]) {
      if (!present.has(connection.local.id)) this.remove(connection, now);
    }
    this.backOffs.clear();
  }

  close(now: number): void {
    for (const connection of [...this.connections]) this.abort(connection, now);
  }

  private make(state: FakeTcp, isOpener: boolean, local: LocalAddress, remote: Endpoint): TcpConnection {
    const route = this.context.io.openRoute(local.id, remote, 'tcp');
    const connection = new TcpConnection(
      state,
      isOpener,
      local,
      remote,
      route,
      (due, now) => this.due(due, now),
      (due) => this.acknowledge(due),
    );
    this.connections.add(connection);
    return connection;
  }

  private remove(connection: TcpConnection, now: number): void {
    const { context } = this;
    if (!this.connections.remove(connection)) return;
    const name = pair(connection.local, connection.remote);
    connection.tcp.state = 'closed';
    context.timers.clear(connection.timer);
    context.timers.clear(connection.acknowledge);
    context.io.closeRoute(connection.route);
    if (connection.isOpener) {
      // What is still on its way to the port is nobody else's.
      context.timers.set(connection.timer, now + LINGER_US);
      if (this.opened.get(name) === connection) this.opened.delete(name);
    } else if (!connection.isPath) {
      this.embryos--;
    }
  }

  private sendSyn(connection: TcpConnection, now: number): void {
    const wait = SYN_WAIT_US * 2 ** connection.attempts;
    connection.attempts++;
    this.put(connection.route, connection.tcp.writeSyn(this.b, this.header, maximumSegment(connection.local)));
    this.context.timers.set(connection.timer, now + wait);
  }

  private due(connection: TcpConnection, now: number): void {
    switch (connection.tcp.state) {
      case 'syn-sent':
        if (connection.attempts < SYN_ATTEMPTS) this.sendSyn(connection, now);
        else this.refused(connection, 'no answer', now);
        break;
      case 'closing':
        this.remove(connection, now);
        break;
      case 'closed':
        this.context.io.releasePort(connection.local.id, connection.tcp.localPort);
        break;
      default:
        // Nobody has shown to be a node.
        this.abort(connection, now);
        if (connection.isOpener) this.leaveAlone(connection, now);
    }
  }

  private established(connection: TcpConnection, now: number): void {
    this.context.timers.set(connection.timer, now + EMBRYO_LIFE_US);
    // The opener's third segment; and the listener's window, of which others have seen the handshake's alone.
    connection.tcp.writeAcknowledgment(this.b, this.header);
    this.put(connection.route, tcp.HEADER_BYTES);
    if (connection.isOpener) this.events.connected(connection, now);
  }

  /** The connection is over, by no doing of this side. */
  private refused(connection: TcpConnection, reason: string, now: number): void {
    const { local, remote, isPath, isOpener } = connection;
    this.context.io.log('info', 'tcp-ended', { source: local.address, destination: remote.address, reason });
    this.remove(connection, now);
    if (isOpener) this.leaveAlone(connection, now);
    if (isPath) this.events.ended(connection, false, now);
  }

  private leaveAlone({ local, remote }: TcpConnection, now: number): void {
    const name = pair(local, remote);
    const before = this.backOffs.get(name);
    const again = before !== undefined && now < before.until + MAX_BACK_OFF_US;
    const waitUs = again ? Math.min(before.waitUs * 2, MAX_BACK_OFF_US) : BACK_OFF_US;
    this.backOffs.delete(name);
    const [oldest] = this.backOffs.keys();
    if (this.backOffs.size >= MAX_BACK_OFFS && oldest !== undefined) this.backOffs.delete(oldest);
    this.backOffs.set(name, { waitUs, until: now + waitUs });
  }

  /** The segment in view is of no connection: the SYN of a node, or of nobody. */
  private unknown(localId: number, now: number): void {
    const { b, packet, context } = this;
    const local = context.locals.find(({ id }) => id === localId);
    if (local === undefined || (packet.tcpFlags & tcp.RST) !== 0) return;
    const address: Address = formatAddress(b, packet.sourceAt, packet.addressBytes);
    const remote = { address, port: packet.sourcePort };
    const asks =
      (packet.tcpFlags & (tcp.SYN | tcp.ACK)) === tcp.SYN &&
      packet.destinationPort === context.config.port &&
      isHandshake(b, packet.transportAt, packet.transportBytes);
    if (!asks || this.embryos >= MAX_EMBRYOS) {
      const route = context.io.openRoute(localId, remote, 'tcp');
      this.refuse(route, now);
      context.io.closeRoute(route);
      return;
    }
    this.embryos++;
    const state = FakeTcp.accept(b, packet.transportAt, context.random32());
    const connection = this.make(state, false, local, remote);
    this.put(connection.route, state.writeSyn(b, this.header, maximumSegment(local)));
    context.timers.set(connection.timer, now + EMBRYO_LIFE_US);
  }

  private refuse(route: number, now: number): void {
    if (now - this.refusalsSince > 1_000_000) {
      this.refusalsSince = now;
      this.refusals = 0;
    }
    if (this.refusals++ >= REFUSALS_PER_SECOND) return;
    writeRefusal(this.b, this.packet.transportAt, this.packet.payloadBytes, this.header);
    this.put(route, tcp.HEADER_BYTES);
  }

  private acknowledge(connection: TcpConnection): void {
    this.context.timers.clear(connection.acknowledge);
    if (connection.tcp.unacknowledged === 0) return;
    connection.tcp.writeAcknowledgment(this.b, this.header);
    this.put(connection.route, tcp.HEADER_BYTES);
  }

  /** Sends what stands at `header`. */
  private put(route: number, bytes: number): void {
    const { io } = this.context;
    io.wire.begin(route, 0);
    io.wire.piece(this.header, bytes);
    io.wire.end();
    io.sendWire();
  }
}

function pair(local: LocalAddress, remote: Endpoint): string {
  return `${local.id} ${remote.address} ${remote.port}`;
}

/** Payload of the longest segment that the interface takes, as a SYN tells it. */
function maximumSegment(local: LocalAddress): number {
  return local.mtu - (isIpv6(local.address) ? ipv6.HEADER_BYTES : ipv4.HEADER_BYTES) - tcp.HEADER_BYTES;
}
