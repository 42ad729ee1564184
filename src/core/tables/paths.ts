import { isIpv6 } from '../address.js';
import type { Endpoint, LocalAddress, Transport } from '../io.js';
import { LEAST_MTU, PathMtu } from '../mtu/path-mtu.js';
import { CapacityEstimator } from '../routing/capacity.js';
import { DelayTracker, STALE_US } from '../routing/delay.js';
import { NO_TRAITS, PathTrait, type PathTraits } from '../routing/path-traits.js';
import { SteadyLoss } from '../routing/steady-loss.js';
import type { PathState } from '../status.js';
import { Timer } from '../timers.js';
import * as ipv4 from '../wire/ipv4.js';
import * as ipv6 from '../wire/ipv6.js';
import * as tcp from '../wire/tcp.js';
import * as udp from '../wire/udp.js';
import type { TcpConnection } from './connections.js';
import type { Peer } from './peers.js';

/** A pair of a local address and a peer's endpoint, in the direction from here to there (Table 5). */
export class Path {
  state: PathState = 'probing';
  readonly delay: DelayTracker;
  readonly capacity = new CapacityEstimator();
  readonly steadyLoss = new SteadyLoss();
  /** Smoothed round trip by this path and back by whichever the peer took, us; 0 = unknown. */
  rtt = 0;
  /** When it was measured last, us. */
  rttAt = Number.NEGATIVE_INFINITY;
  /** Data packets and bytes (datagrams with IP and UDP headers) sent. */
  sentPackets = 0;
  sentBytes = 0;
  /** `sentPackets` that the last heartbeat announced. */
  announcedPackets = 0;
  /** `sentPackets` when weights were adjusted last. */
  adjustedPackets = 0;
  /** What the peer reported last: data packets received, announced ones lost (both mod 2^32). */
  reportedPackets = 0;
  reportedLost = 0;
  /** Smoothed share of lost packets, 0 to 1; fades while the path carries nothing. */
  loss = 0;
  /** When the first packet went out that nothing of the peer has covered yet, us; 0 = all covered. */
  unconfirmedSince = 0;
  /** When the peer last showed that it receives on this path, us. */
  confirmedAt = 0;
  /** When the newest packet left that is known to have arrived, us. */
  confirmedSentAt = Number.NEGATIVE_INFINITY;
  /** ICMP said that nobody listens there: only the answer to a probe makes it live again. */
  doubted = false;
  /** Probes sent since the last answer. */
  unanswered = 0;
  readonly challenge = new Uint8Array(8);
  challengeSentAt = 0;
  readonly probe: Timer;
  /** Longest IP packet that gets through; what asks for it, and when it did so last, us. */
  readonly mtu: PathMtu;
  mtuTimer: Timer | undefined;
  readonly mtuToken = new Uint8Array(6);
  mtuSoughtAt = 0;
  mtuRaisedAt = 0;
  /** Whether the rest of the node has heard of the MTU. */
  mtuTold = false;
  /** Longest datagram that it takes now, bytes of payload; and the longest data since the MTU was asked for last. */
  limit: number;
  longestSent = 0;
  /** What the own configuration says of it, and the PathTrait bits that the peer's says. */
  traits: PathTraits = NO_TRAITS;
  peerTraits = 0;
  /** The peer's number of the NIC at the other end; 0 = it has not told. */
  farNic = 0;
  /** Another path over one of its NICs fell silent: nothing has shown since then that this one still works. */
  nicDoubted = false;
  /** What the peer may call the other end: a NAT's mapping is nothing that it could name. */
  identity: Endpoint;
  /** What comes in over the same addresses in the other direction, once the peer's probe or answer has told. */
  reverse: IncomingPath | undefined;

  constructor(
    readonly peer: Peer,
    /** 1 to 255, unique for the peer. */
    readonly id: number,
    public local: LocalAddress,
    readonly remote: Endpoint,
    /** Handle of NodeIo.openRoute. */
    readonly route: number,
    /** What carries the path; undefined = UDP. */
    readonly connection: TcpConnection | undefined,
    minDelayWindowUs: number,
    probe: (path: Path, now: number) => void,
  ) {
    this.delay = new DelayTracker(minDelayWindowUs);
    this.probe = new Timer((now) => probe(this, now));
    this.mtu = new PathMtu(local.mtu, isIpv6(remote.address) ? LEAST_MTU.ipv6 : LEAST_MTU.ipv4);
    this.limit = this.limitOf(this.mtu.size);
    // Who has opened a connection has chosen its port; the peer has to tell it first.
    this.identity = connection?.isOpener === false ? { address: remote.address, port: 0 } : remote;
  }

  get transport(): Transport {
    return this.connection === undefined ? 'udp' : 'tcp';
  }

  /** Longest datagram (payload of UDP or TCP) in an IP packet of `size` bytes on this path. */
  limitOf(size: number): number {
    const transportBytes = this.connection === undefined ? udp.HEADER_BYTES : tcp.HEADER_BYTES;
    return size - (isIpv6(this.remote.address) ? ipv6.HEADER_BYTES : ipv4.HEADER_BYTES) - transportBytes;
  }

  /** A round trip that was measured, us. */
  addRoundTrip(rtt: number, now: number): void {
    this.rtt = now - this.rttAt < STALE_US ? this.rtt + (rtt - this.rtt) / 8 : rtt;
    this.rttAt = now;
  }

  /** When nothing has been sent since it was called before, the losses shrink to this share of them. */
  fadeLoss(kept: number): void {
    if (this.sentPackets === this.adjustedPackets) {
      this.loss *= kept;
      this.steadyLoss.fade(kept);
    }
    this.adjustedPackets = this.sentPackets;
  }

  /** What the own node tells the peer of it. */
  get nearEnd(): { readonly traits: number; readonly nic: number } {
    return { traits: this.traits.bits, nic: this.local.interfaceIndex };
  }

  /**
   * How many of its two NICs another path to the same peer goes over, too. A NIC has the addresses of both families; a far address of which the peer
   * has not told the NIC is taken for one of its own.
   */
  nicsSharedWith(other: Path): number {
    return Number(this.sharesNearNic(other)) + Number(this.sharesFarNic(other));
  }

  /** How many of these paths go over its near NIC or over its far one, whichever has more of them; it counts itself. */
  nicShareOf(paths: readonly Path[]): number {
    let near = 0;
    let far = 0;
    for (const other of paths) {
      if (this.sharesNearNic(other)) near++;
      if (this.sharesFarNic(other)) far++;
    }
    return Math.max(near, far, 1);
  }

  private sharesNearNic(other: Path): boolean {
    return this.local.interfaceIndex === other.local.interfaceIndex;
  }

  private sharesFarNic(other: Path): boolean {
    const isTold = this.farNic !== 0 && other.farNic !== 0;
    return isTold ? this.farNic === other.farNic : this.remote.address === other.remote.address;
  }

  get names(): readonly string[] {
    return this.traits.names;
  }

  get isMetered(): boolean {
    return ((this.traits.bits | this.peerTraits) & PathTrait.METERED) !== 0;
  }

  get isBackup(): boolean {
    return ((this.traits.bits | this.peerTraits) & PathTrait.BACKUP) !== 0;
  }

  /**
   * Round trip by this path and back over the same addresses, us; 0 = unknown. The offset between the clocks is in both delays, with
   * opposite signs.
   */
  get ownRtt(): number {
    const { delay, peer, reverse } = this;
    if (!delay.known || reverse?.known !== true) return this.rtt;
    const zeros = (peer.feedbackDelayBase + peer.incomingDelayBase) | 0;
    return Math.max(0, delay.delay + reverse.delay + zeros);
  }
}

/** What arrives on one of the peer's paths; kept by the peer's path id. */
export class IncomingPath {
  /** Data packets and bytes received (mod 2^32 in reports). */
  packets = 0;
  bytes = 0;
  /** Packets that the peer's heartbeats announced and that had not come. */
  lost = 0;
  /** Own clock at the last data packet, us mod 2^32, and that packet's delay. */
  lastArrival = 0;
  arrivalDelay = 0;
  /** `packets` at the last report. */
  reportedPackets = 0;
  /** Last one-way delay, raw: own clock minus sender's timestamp, mod 2^32. */
  rawDelay = 0;
  /** There is a delay sample that has not been fed back yet. */
  fresh = false;
  /** Delay relative to the peer's first sample, smoothed; and its mean deviation. */
  delay = 0;
  jitter = 0;
  known = false;
  private sampledAt = 0;
  /** Smallest raw delay of the data since the last report. */
  leastDelay = 0;
  /** Longest datagram of the data since the last report, bytes. */
  longest = 0;
  /** Until then the path is taken to reorder packets, so a newer one does not prove an older one lost. */
  reordersUntil = 0;
  /** Fingerprint of the endpoints that its packets came over last. */
  origin = 0;

  constructor(readonly id: number) {}

  /** A packet's delay: raw, and on the peer's scale. */
  sample(raw: number, relative: number, now: number): void {
    this.rawDelay = raw;
    this.fresh = true;
    const stale = now - this.sampledAt >= STALE_US;
    this.sampledAt = now;
    if (stale || !this.known) {
      this.known = true;
      this.delay = relative;
    } else {
      const error = relative - this.delay;
      this.delay += error / 8;
      this.jitter += (Math.abs(error) - this.jitter) / 8;
    }
  }

  /** `packets` data packets, `bytes` with IP and UDP headers, the longest datagram, and the raw delay of the last of them. */
  data(packets: number, bytes: number, longest: number, raw: number, now: number): void {
    if (this.packets === this.reportedPackets || ((raw - this.leastDelay) | 0) < 0) this.leastDelay = raw;
    if (longest > this.longest) this.longest = longest;
    this.packets += packets;
    this.bytes += bytes;
    this.lastArrival = now | 0;
    this.arrivalDelay = raw;
  }
}
