/** Paths of the peers: found by probing, watched, kept alive, given up (paper section 3.4). */
import { isIpv6, isRouted, parseAddress } from '../address.js';
import type { Address, Endpoint, LocalAddress, Source } from '../io.js';
import { MIN_DELAY_WINDOW_US } from '../routing/delay.js';
import { traitsOf } from '../routing/path-traits.js';
import { WEIGHT_INTERVAL_US } from '../routing/scheduler.js';
import type { PathState } from '../status.js';
import { TcpConnection } from '../tables/connections.js';
import { Path } from '../tables/paths.js';
import type { Peer } from '../tables/peers.js';
import { CmType, type Probe, type ProbeReply } from '../wire/control.js';
import { addressDigest, type NodeContext } from './context.js';
import type { ControlChannel } from './control-channel.js';
import { Feedback } from './feedback.js';
import { equal } from './handshake.js';
import { MtuProber } from './mtu-prober.js';
import type { Envelope } from './receiver.js';
import type { Steering } from './steering.js';
import type { TcpCarrier } from './tcp-carrier.js';
import { pathByUdp, pathsByTcp, TransportChoice } from './transport-choice.js';

const HEARTBEAT_US = 100_000;
/** A path in use without a sign of the peer is suspect after max(3 RTT, ...). */
const SUSPECT_US = 200_000;
/**
 * When a path is silent, others over its NICs are taken to work if they have shown so in this last share of the silence: it begins up to a report and
 * a round trip before the failure, and what is in use shows it with each report, TICK_US.
 */
const PROVEN_SHARE = 1 / 3;
/** Probes of a suspect path that must go unanswered before it is dead. */
const SUSPECT_PROBES = 3;
const PROBE_WAIT_US = 100_000;
const MAX_PROBE_WAIT_US = 15_000_000;
/** While the peer is active, paths that carry nothing are looked after, too. */
const ACTIVE_PROBE_US = 1_000_000;
/** While data flows, a path that was live once and is dead is probed so often: it is to be used again within 1 s of its return. */
const RETRY_US = 300_000;
const ASK_ADDRESSES_US = 200_000;
const MAX_PATHS_OF_PEER = 128;
/** A dead path to an endpoint that the peer does not name itself (a NAT's mapping) is given up after so many probes, 25 s. */
const MAPPING_PROBES = 8;
/**
 * Each WEIGHT_INTERVAL_US a path that carries nothing keeps this share of its loss: halved in 10 s. Nothing else would tell when it has
 * recovered, and a rule with a loss bound would never try it again.
 */
const IDLE_LOSS_KEPT = 0.5 ** (WEIGHT_INTERVAL_US / 10_000_000);

/** What the path manager tells the rest of the node. */
export interface PathEvents {
  gone(peer: Peer, reason: string, now: number): void;
  /** The path takes nothing any more, or may have stopped to: what was on it may be lost. */
  failed(path: Path, now: number): void;
}

export class PathManager {
  readonly feedback: Feedback;
  private readonly mtus: MtuProber;
  private readonly transports: TransportChoice;

  constructor(
    private readonly context: NodeContext,
    private readonly control: ControlChannel,
    private readonly connections: TcpCarrier,
    private readonly steering: Steering,
    private readonly events: PathEvents,
  ) {
    this.transports = new TransportChoice(context, connections);
    this.mtus = new MtuProber(context, control, (path) => this.mtuChanged(path));
    this.feedback = new Feedback(control, {
      confirmed: (path, now) => this.confirm(path, now),
      arrived: (path, longest, lost, now) => this.mtus.reported(path, longest, lost, now),
    });
  }

  /**
   * Makes a path for every pair of a local address and one of the peer's that has none, and probes it. First those that have no address in common,
   * then step by step the others: where there are too many, what is left out is nobody's only path. Both nodes come to the same pairs.
   */
  connect(peer: Peer, now: number): void {
    const remotes = [...peer.addresses, ...peer.outside];
    const count = remotes.length;
    for (let step = 0; 2 * step <= count; step++) {
      for (const [i, local] of this.context.locals.entries()) {
        this.add(peer, local, remotes[(i + step) % count], now);
        this.add(peer, local, remotes[(((i - step) % count) + count) % count], now);
      }
    }
  }

  /** A way that a datagram of the peer has come. */
  learn(peer: Peer, localId: number, source: Source, now: number): Path | undefined {
    if (source instanceof TcpConnection) return this.adopt(peer, source, now);
    const local = this.context.locals.find(({ id }) => id === localId);
    return local && this.add(peer, local, source.endpoint(), now);
  }

  /** A connection that was opened for one of the peers' paths carries datagrams. */
  connected(connection: TcpConnection, now: number): void {
    for (const peer of this.context.peers.values()) {
      const stoodFor = pathByUdp(peer, connection.local.id, connection.remote);
      if (stoodFor === undefined) continue;
      if (stoodFor.state === 'live') this.connections.abort(connection, now);
      else this.adopt(peer, connection, now);
      return;
    }
  }

  /** The connection of a path is over; `inOrder`: what was sent on it has arrived, or will. */
  disconnected(connection: TcpConnection, inOrder: boolean, now: number): void {
    for (const peer of this.context.peers.values()) {
      const path = peer.paths.find((candidate) => candidate.connection === connection);
      if (path === undefined) continue;
      this.drop(path);
      this.changed(peer, now);
      if (inOrder) return;
      this.events.failed(path, now);
      this.transports.replace(path, now);
      return;
    }
  }

  /** Own addresses have changed: paths from those that are gone end at once, new ones begin, all that is not live is probed. */
  addressesChanged(differ: boolean, now: number): void {
    const { context } = this;
    const present = new Set(context.locals.map(({ id }) => id));
    for (const peer of context.peers.values()) {
      const failed: Path[] = [];
      for (const path of [...peer.paths]) {
        if (!present.has(path.local.id)) {
          this.remove(path, now);
          failed.push(path);
        } else if (path.state !== 'live') this.probeNow(path, now);
        this.followInterface(path);
        this.describe(path);
      }
      this.connect(peer, now);
      this.changed(peer, now);
      for (const path of failed) this.events.failed(path, now);
      if (differ && context.peers.has(peer.key)) this.pushAddresses(peer, now);
    }
  }

  /** The peer's list: paths to addresses that are not in it end, unless it was seen there itself (NAT). */
  addressList(peer: Peer, addresses: readonly Endpoint[], sequence: number, now: number): void {
    if (((sequence - peer.addressSequence) | 0) <= 0) return;
    const before = peer.addresses;
    peer.addressSequence = sequence;
    peer.addresses = [...addresses];
    peer.digest = addressDigest(addresses);
    for (const path of [...peer.paths]) {
      if (includes(before, path.identity) && !includes(addresses, path.identity)) this.remove(path, now);
    }
    this.steering.releaseUnused(peer, now);
    this.connect(peer, now);
    this.changed(peer, now);
  }

  /** The digest of a CM differs from what is known: asks for the list (an empty one is the question). */
  askAddresses(peer: Peer, now: number): void {
    if (now - peer.askedAddressesAt < ASK_ADDRESSES_US || peer.usable.length === 0) return;
    peer.askedAddressesAt = now;
    this.control.send(peer.usable[0], { type: CmType.addresses, addresses: [], sequence: 0 }, now);
  }

  pushAddresses(peer: Peer, now: number): void {
    const message = {
      type: CmType.addresses,
      addresses: this.context.ownEndpoints(),
      sequence: this.context.addressSequence,
    };
    for (const path of peer.usable) this.control.send(path, message, now);
  }

  probeReceived(peer: Peer, message: Probe, envelope: Envelope, local: number, source: Source, now: number): void {
    const remote = source.endpoint();
    const path = this.learn(peer, local, source, now);
    if (path === undefined) return;
    path.reverse = envelope.path;
    if (message.port !== undefined) this.portTold(path, message.port);
    this.farEnd(path, message, now);
    const { challenge } = message;
    const reply: ProbeReply = { type: CmType.probeReply, challenge, observed: remote, ...path.nearEnd };
    this.control.send(path, reply, now);
    if (path.state !== 'live') this.probeNow(path, now);
  }

  probeAnswered(peer: Peer, message: ProbeReply, envelope: Envelope, now: number): void {
    const path = peer.paths.find(
      (candidate) => candidate.unanswered > 0 && equal(candidate.challenge, message.challenge),
    );
    if (path === undefined) {
      this.mtus.answered(peer, message.challenge, now);
      return;
    }
    if (path.rtt === 0 && path.unanswered === 1) {
      path.addRoundTrip(now - path.challengeSentAt, now);
    }
    path.unanswered = 0;
    path.doubted = false;
    path.reverse = envelope.path;
    this.farEnd(path, message, now);
    this.confirm(path, now);
    if (peer.state === 'greeting') peer.state = 'up';
    this.supersede(path, now);
    this.validate(path);
    if (path.state !== 'live') {
      this.setState(path, 'live', now);
      if (!isCurrent(path)) return;
      this.mtus.begin(path, now);
    }
    this.context.timers.set(path.probe, now + this.context.config.keepAlive);
  }

  /** The peer's packets come from an endpoint of which nothing is known yet, or which did not answer: it is asked at once. */
  otherOrigin(peer: Peer, local: number, source: Source, now: number): void {
    const path = this.learn(peer, local, source, now);
    if (path !== undefined && path.state !== 'live') this.probeNow(path, now);
  }

  /** No NAT has changed the port of the connection that the peer has opened: then its address is what the peer calls it, too. */
  private portTold(path: Path, port: number): void {
    if (path.connection?.isOpener !== false || port !== path.remote.port) return;
    path.identity = { address: path.remote.address, port: this.context.config.port };
    if (path.state === 'live') this.validate(path);
  }

  /** A NAT has a new mapping for one of the peer's paths: what was sent to the old one is lost. */
  private supersede(path: Path, now: number): void {
    const { peer, local, reverse } = path;
    const replaced = peer.paths.filter(
      (other) =>
        other !== path && other.local.id === local.id && other.reverse === reverse && !peer.isNamed(other.identity),
    );
    for (const other of replaced) this.remove(other, now);
    if (replaced.length > 0) this.changed(peer, now);
    for (const other of replaced) this.events.failed(other, now);
  }

  /** ICMP, or the own interface, says how long packets from here to there may be. */
  tooLong(local: number, remote: Address, size: number, now: number): void {
    this.mtus.tooLong(local, remote, size, now);
  }

  /** ICMP says that nobody listens there (any more): believed when a probe goes unanswered, since ICMP is easily forged. */
  unreachable(local: number, remote: Endpoint, now: number): void {
    for (const peer of this.context.peers.values()) {
      const path = pathByUdp(peer, local, remote);
      if (path === undefined || path.state !== 'live') continue;
      path.doubted = true;
      path.unanswered = SUSPECT_PROBES - 1;
      this.setState(path, 'suspect', now);
      if (isCurrent(path)) this.probe(path, now);
    }
  }

  /** While data flows, each TICK_US and oftener at first: reports, heartbeats, weights, and whether the paths still work. */
  tick(peer: Peer, now: number): void {
    this.feedback.report(peer, now);
    if (now - peer.heartbeatAt >= HEARTBEAT_US) {
      peer.heartbeatAt = now;
      for (const path of peer.usable) this.feedback.heartbeat(path, now);
    }
    if (now - peer.adjustedAt >= WEIGHT_INTERVAL_US && peer.usable.length > 0) {
      peer.adjustedAt = now;
      peer.scheduler.adjust(peer.usable, now);
      for (const path of peer.usable) path.fadeLoss(IDLE_LOSS_KEPT);
      peer.updateRules();
    }
    for (const path of [...peer.paths]) {
      this.check(path, now);
      if (path.state === 'live') this.mtus.check(path, now);
    }
    if (this.context.peers.has(peer.key) && peer.isActive(now)) {
      this.context.timers.setEarlier(peer.tick, peer.nextTick(now));
    }
  }

  /** Everything of the peer ends. */
  forget(peer: Peer, now: number): void {
    for (const path of [...peer.paths]) this.remove(path, now);
    this.steering.end(peer);
  }

  private add(peer: Peer, local: LocalAddress, remote: Endpoint, now: number): Path | undefined {
    const known = pathByUdp(peer, local.id, remote);
    if (known !== undefined) return known;
    if (isIpv6(local.address) !== isIpv6(remote.address) || peer.paths.length >= MAX_PATHS_OF_PEER) return undefined;
    // A peer may list what it likes: addresses that mean another host on each link are no paths.
    const address = parseAddress(remote.address);
    if (!isRouted(address, 0, address.length)) return undefined;
    // Behind NATs both may have the same address.
    if (this.context.isOwn(remote.address)) return undefined;
    return this.make(peer, local, remote, this.context.io.openRoute(local.id, remote, 'udp'), undefined, now);
  }

  /** The path that the connection is. */
  private adopt(peer: Peer, connection: TcpConnection, now: number): Path | undefined {
    const known = peer.paths.find((path) => path.connection === connection);
    if (known !== undefined) return known;
    if (connection.isPath || !connection.tcp.carries || peer.paths.length >= MAX_PATHS_OF_PEER) return undefined;
    this.connections.adopt(connection);
    return this.make(peer, connection.local, connection.remote, connection.route, connection, now);
  }

  private make(
    peer: Peer,
    local: LocalAddress,
    remote: Endpoint,
    route: number,
    connection: TcpConnection | undefined,
    now: number,
  ): Path {
    const id = peer.freePathId();
    const window = this.context.config.minDelay === 'windowed' ? MIN_DELAY_WINDOW_US : Number.POSITIVE_INFINITY;
    const probe = (due: Path, at: number): void => this.probeDue(due, at);
    const path = new Path(peer, id, local, remote, route, connection, window, probe);
    this.describe(path);
    peer.paths.push(path);
    peer.pathById[id] = path;
    this.probe(path, now);
    return path;
  }

  private remove(path: Path, now: number): void {
    this.drop(path);
    if (path.connection !== undefined) this.connections.abort(path.connection, now);
  }

  /** Without a word on the connection that it may be. */
  private drop(path: Path): void {
    const { peer } = path;
    path.state = 'dead';
    this.context.timers.clear(path.probe);
    this.mtus.end(path);
    if (path.connection === undefined) this.context.io.closeRoute(path.route);
    peer.paths.splice(peer.paths.indexOf(path), 1);
    peer.pathById[path.id] = undefined;
  }

  /** The connection of a path that is not needed any more ends in order, by who has opened it. */
  private retire(path: Path, now: number): void {
    if (path.connection?.isOpener !== true) return;
    this.drop(path);
    this.connections.finish(path.connection, now);
    this.changed(path.peer, now);
  }

  private probeDue(path: Path, now: number): void {
    switch (path.state) {
      case 'live':
        if (path.unanswered === 0) {
          this.probe(path, now);
          return;
        }
        this.silent(path, path.challengeSentAt, now);
        break;
      case 'suspect':
        if (path.unanswered > SUSPECT_PROBES) this.setState(path, 'dead', now);
        break;
      case 'dead':
        if (path.unanswered > MAPPING_PROBES && (path.connection !== undefined || !path.peer.isNamed(path.remote))) {
          this.remove(path, now);
          this.transports.replace(path, now);
          return;
        }
        break;
    }
    if (isCurrent(path)) this.probe(path, now);
  }

  private probeNow(path: Path, now: number): void {
    // Two nodes that probe each other at once must not answer for ever: one probe in a round trip is enough.
    if (path.unanswered > 0 && now - path.challengeSentAt < PROBE_WAIT_US / 2) return;
    this.probe(path, now);
  }

  private probe(path: Path, now: number): void {
    // The same challenge until it is answered, since on a long path the answer may come after the next probe.
    if (path.unanswered === 0) path.challenge.set(this.context.io.crypto.randomBytes(path.challenge.length));
    path.unanswered++;
    path.challengeSentAt = now;
    this.context.timers.set(path.probe, now + probeWait(path));
    const { challenge, id, nearEnd, connection } = path;
    const port = connection?.isOpener === true ? { port: connection.tcp.localPort } : {};
    if (connection !== undefined || this.context.config.transport !== 'tcp') {
      this.control.send(path, { type: CmType.probe, challenge, path: id, ...nearEnd, ...port }, now);
    }
    this.transports.consider(path, now);
  }

  private describe(path: Path): void {
    const { local, remote } = path;
    path.traits = traitsOf(this.context.config.paths, local.interface, local.address, remote.address);
  }

  /** The peer tells what it knows of the path: which of its NICs it goes over, and that one may be metered or a reserve. */
  private farEnd(path: Path, { traits, nic }: Probe | ProbeReply, now: number): void {
    if (path.peerTraits === traits && path.farNic === nic) return;
    path.peerTraits = traits;
    path.farNic = nic;
    this.changed(path.peer, now);
  }

  private check(path: Path, now: number): void {
    if (path.state === 'dead' && path.confirmedAt > 0 && !pathsByTcp(path).some(({ state }) => state === 'live')) {
      this.context.timers.setEarlier(path.probe, Math.max(now, path.challengeSentAt + RETRY_US));
    }
    if (path.state !== 'live') return;
    if (path.unconfirmedSince > 0 && now - path.unconfirmedSince > Math.max(SUSPECT_US, 3 * path.rtt)) {
      path.unanswered = 0;
      this.silent(path, path.unconfirmedSince, now);
      if (isCurrent(path)) this.probe(path, now);
    } else if (path.unanswered === 0 && now - path.confirmedAt > ACTIVE_PROBE_US) {
      this.probe(path, now);
    }
  }

  /**
   * Nothing that was sent on the path since then has been answered. What is wrong may be one of its NICs: paths over the same that have shown
   * nothing of late either are asked at once, and get no data until they answer if there are others.
   */
  private silent(path: Path, since: number, now: number): void {
    const { peer } = path;
    const late = now - (now - since) * PROVEN_SHARE;
    for (const other of [...peer.paths]) {
      if (other === path || other.state !== 'live' || other.confirmedAt >= late) continue;
      if (other.nicsSharedWith(path) === 0) continue;
      other.nicDoubted = true;
      this.probeNow(other, now);
    }
    this.setState(path, 'suspect', now);
  }

  private confirm(path: Path, now: number): void {
    path.confirmedAt = now;
    path.unconfirmedSince = 0;
    if (path.nicDoubted) {
      path.nicDoubted = false;
      this.changed(path.peer, now);
    }
    if (path.state !== 'suspect' || path.doubted) return;
    path.unanswered = 0;
    this.setState(path, 'live', now);
    if (isCurrent(path)) this.context.timers.set(path.probe, now + this.context.config.keepAlive);
  }

  private setState(path: Path, state: PathState, now: number): void {
    const { peer } = path;
    this.context.io.log(state === 'live' ? 'info' : 'warn', 'path-state', {
      node: peer.name,
      path: path.id,
      source: path.local.address,
      destination: path.remote.address,
      transport: path.transport,
      from: path.state,
      to: state,
    });
    path.state = state;
    path.nicDoubted = false;
    if (state === 'suspect') path.unconfirmedSince = 0;
    this.changed(peer, now);
    if (state === 'suspect') this.events.failed(path, now);
    if (state !== 'live') return;
    for (const other of this.transports.superfluous(path, now)) this.retire(other, now);
  }

  /** After any change of paths or their states. */
  private changed(peer: Peer, now: number): void {
    peer.updateUsable(now);
    this.steering.resize(peer);
    if (peer.usable.length === 0 && peer.state === 'up') this.events.gone(peer, 'no path left', now);
  }

  /** The path's address answered: the peer's packets may carry it. */
  private validate(path: Path): void {
    const { peer, remote, identity } = path;
    if (!peer.isNamed(identity)) return;
    // What a NAT has in front is not the peer's alone: its word does not count for it.
    if (includes(peer.addresses, identity)) peer.validated.add(remote.address);
    if (path.mtu.known) this.steering.steerTo(peer, remote.address);
  }

  private mtuChanged(path: Path): void {
    const { peer } = path;
    this.context.io.log('info', 'path-mtu', { node: peer.name, path: path.id, mtu: path.mtu.size });
    peer.updateLimits();
    if (path.state === 'live') this.validate(path);
    this.steering.resize(peer);
  }

  /** The interface may have another MTU than before. */
  private followInterface(path: Path): void {
    const local = this.context.locals.find(({ id }) => id === path.local.id);
    if (local === undefined || local.mtu === path.local.mtu) return;
    path.local = local;
    path.mtu.limitTo(local.mtu);
    path.mtuRaisedAt = Number.NEGATIVE_INFINITY;
  }
}

function probeWait(path: Path): number {
  const answer = Math.max(PROBE_WAIT_US, 3 * path.rtt);
  if (path.state === 'live') return Math.max(SUSPECT_US, answer);
  if (path.state === 'suspect') return Math.max(PROBE_WAIT_US, 1.5 * path.rtt);
  return Math.min(PROBE_WAIT_US * 2 ** (path.unanswered - 1), MAX_PROBE_WAIT_US);
}

/** False once the path has been removed, as it is when its peer is given up. */
function isCurrent(path: Path): boolean {
  return path.peer.pathById[path.id] === path;
}

function includes(endpoints: readonly Endpoint[], { address, port }: Endpoint): boolean {
  return endpoints.some((endpoint) => endpoint.address === address && endpoint.port === port);
}
