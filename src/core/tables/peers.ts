import type { Address, Endpoint } from '../io.js';
import { RulePaths } from '../routing/rule-paths.js';
import { type RoutingRule, type RuleSet, withoutBackups } from '../routing/rules.js';
import type { Scheduler } from '../routing/scheduler.js';
import { Timer } from '../timers.js';
import { SipHash } from '../wire/siphash.js';
import { IncomingPath, type Path } from './paths.js';
import type { Session } from './sessions.js';

const MAX_PATHS = 255;
/** A path that carries less, bytes of IP packet, takes what fits it and has no say in how long packets are. */
const COUNTED_MTU = 1280;
const MAX_OUTSIDE = 16;
/** Data in either direction makes a peer active for so long. */
const ACTIVE_US = 1_000_000;
/** While it is active, its tick runs each so often. */
const TICK_US = 50_000;
/** A slow start doubles what is under way in each round trip, so at first reports of what arrives must come more often. */
const BEGIN_US = 300_000;
const BEGIN_TICK_US = 10_000;

/** `greeting`: keys are agreed, no path has answered yet. `up`: one has. */
export type PeerState = 'greeting' | 'up';

/** Another node that runs MPIP (Table 3: node id to addresses and ports), with all that belongs to the pair. */
export class Peer {
  state: PeerState = 'greeting';
  /** It has shown that it holds its key; until then nothing is sent to the addresses that it claims. */
  proven = false;
  /** Where it can be reached, by its own word. */
  addresses: Endpoint[] = [];
  /** Where it answered a hello though it does not name it: the outside of a NAT that forwards. */
  readonly outside: Endpoint[] = [];
  /** Of the newest address list: its number and what the peer's CMs should carry. */
  addressSequence = 0;
  digest = 0;
  /** Addresses that answered a challenge: its applications' packets may carry them, and packets to them are steered. */
  readonly validated = new Set<Address>();
  /** With the MTU that the kernel was told. */
  readonly steered = new Map<Address, number>();
  /** Until then sessions may be shown to it first by this side: what is steered for them stays, us. */
  bindingExpectedUntil = Number.NEGATIVE_INFINITY;
  /** Own UDP ports that it has such sessions with, and until when they are expected, us. */
  readonly expectedPorts = new Map<number, number>();
  readonly paths: Path[] = [];
  readonly pathById: (Path | undefined)[] = new Array(MAX_PATHS + 1).fill(undefined);
  /** The paths that packets may take now: the live ones, those with a doubtful NIC only while there is no other; or while there is none the suspect ones. */
  usable: Path[] = [];
  /** Longest datagram that the usable paths take, bytes of UDP payload: those that count, and all of them. */
  limit = 0;
  leastLimit = 0;
  /** Of these, what packets without a rule take: backup paths only while there is no other. */
  preferred: readonly Path[] = [];
  /** What the rules in use make of the usable paths. */
  private readonly rulePaths = new Map<RoutingRule, RulePaths>();
  readonly incoming: (IncomingPath | undefined)[] = new Array(MAX_PATHS + 1).fill(undefined);
  readonly incomingPaths: IncomingPath[] = [];
  /** Sessions by id, apart for the two number spaces. */
  readonly ownSessions = new Map<number, Session>();
  readonly peerSessions = new Map<number, Session>();
  nextSession: number;
  /** Under the pair's key; unused without authentication. */
  readonly mac = new SipHash();
  /** Sequence number of the next control message; the peer drops what it has seen. */
  controlSequence = 1;
  newestControl = 0;
  seenControls = 0;
  /** Own clock minus the sender's of the first packet, mod 2^32: the zero of all delays from this peer. */
  incomingDelayBase = 0;
  incomingDelayKnown = false;
  /** The same for the delays that the peer feeds back. */
  feedbackDelayBase = 0;
  feedbackDelayKnown = false;
  /** When delay was fed back last, us. */
  feedbackAt = Number.NEGATIVE_INFINITY;
  /** Round robin over the incoming paths whose delay is fed back next. */
  feedbackTurn = 0;
  /** Round robin over the preferred paths, which take reports besides the best one. */
  reportTurn = 0;
  private otherTurn = 0;
  heardAt: number;
  /** Last data packet in either direction, and the first one after a while without any, us. */
  private dataAt = Number.NEGATIVE_INFINITY;
  private activeSince = Number.NEGATIVE_INFINITY;
  /** When heartbeats were sent and weights adjusted last. */
  heartbeatAt = 0;
  adjustedAt = 0;
  askedAddressesAt = Number.NEGATIVE_INFINITY;
  unknownSaidAt = Number.NEGATIVE_INFINITY;
  /** While data flows: reports, heartbeats, path checks. */
  readonly tick: Timer;
  lastPathId = 0;

  constructor(
    /** 8 bytes. */
    readonly nodeId: Uint8Array,
    /** Low 32 bits of the node id, signed: what the CM carries. */
    readonly key: number,
    readonly incarnation: number,
    readonly publicKey: Uint8Array,
    readonly authenticated: boolean,
    readonly scheduler: Scheduler,
    firstSession: number,
    now: number,
    tick: (peer: Peer, now: number) => void,
  ) {
    this.heardAt = now;
    this.nextSession = firstSession;
    this.tick = new Timer((at) => tick(this, at));
  }

  /** Data goes there or comes from there now. */
  hasData(now: number): void {
    if (!this.isActive(now)) this.activeSince = now;
    this.dataAt = now;
  }

  isActive(now: number): boolean {
    return now - this.dataAt < ACTIVE_US;
  }

  /** When the tick of an active peer is due, us. */
  nextTick(now: number): number {
    return now + (now - this.activeSince < BEGIN_US ? BEGIN_TICK_US : TICK_US);
  }

  /** A hello to the endpoint was answered. */
  reachedAt({ address, port }: Endpoint): void {
    if (!this.isNamed({ address, port }) && this.outside.length < MAX_OUTSIDE) this.outside.push({ address, port });
  }

  /** Whether an endpoint is one that the peer says to have, or where this node has found it: not a NAT's mapping of the moment. */
  isNamed({ address, port }: Endpoint): boolean {
    const isIt = (endpoint: Endpoint): boolean => endpoint.address === address && endpoint.port === port;
    return this.addresses.some(isIt) || this.outside.some(isIt);
  }

  get name(): string {
    return hex(this.nodeId);
  }

  /** Delay on the scale of this peer's packets, us. */
  relativeDelay(raw: number): number {
    if (!this.incomingDelayKnown) {
      this.incomingDelayKnown = true;
      this.incomingDelayBase = raw;
    }
    return (raw - this.incomingDelayBase) | 0;
  }

  /** Delay on the scale of the peer's feedback, us. */
  relativeFeedback(raw: number): number {
    if (!this.feedbackDelayKnown) {
      this.feedbackDelayKnown = true;
      this.feedbackDelayBase = raw;
    }
    return (raw - this.feedbackDelayBase) | 0;
  }

  /** The incoming path whose newest delay is to be fed back, marked as done; undefined = nothing new. */
  takeFeedback(now: number): IncomingPath | undefined {
    const { incomingPaths } = this;
    for (let i = 0; i < incomingPaths.length; i++) {
      this.feedbackTurn = (this.feedbackTurn + 1) % incomingPaths.length;
      const path = incomingPaths[this.feedbackTurn];
      if (!path.fresh) continue;
      path.fresh = false;
      this.feedbackAt = now;
      return path;
    }
    return undefined;
  }

  /** What comes on the peer's path `id`, 1 to 255. */
  incomingPath(id: number): IncomingPath {
    let path = this.incoming[id];
    if (path === undefined) {
      path = new IncomingPath(id);
      this.incoming[id] = path;
      this.incomingPaths.push(path);
    }
    return path;
  }

  /** Whether it has a UDP session with the own port that it may not have shown yet. */
  isExpectedAt(port: number, now: number): boolean {
    return now < (this.expectedPorts.get(port) ?? Number.NEGATIVE_INFINITY);
  }

  sessionOf(id: number, openedBySelf: boolean): Session | undefined {
    return (openedBySelf ? this.ownSessions : this.peerSessions).get(id);
  }

  /** A path id that no path has; 0 when all 255 are taken. */
  freePathId(): number {
    for (let i = 0; i < MAX_PATHS; i++) {
      this.lastPathId = (this.lastPathId % MAX_PATHS) + 1;
      if (this.pathById[this.lastPathId] === undefined) return this.lastPathId;
    }
    return 0;
  }

  /** The usable path on which the peer answered last: what another one led to may be gone, as a NAT's mapping of an address that was given up. */
  get freshest(): Path | undefined {
    let best: Path | undefined;
    for (const path of this.usable) if (best === undefined || path.confirmedAt > best.confirmedAt) best = path;
    return best;
  }

  /** The usable path with the shortest round trip. */
  get fastest(): Path | undefined {
    let best: Path | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const path of this.usable) {
      const rtt = path.rtt > 0 ? path.rtt : Number.MAX_VALUE;
      if (rtt < least) [best, least] = [path, rtt];
    }
    return best;
  }

  /** The usable path on which an answer goes back the way that something has come. */
  wayBack(from: IncomingPath): Path | undefined {
    return this.usable.find(({ reverse }) => reverse === from) ?? this.freshest;
  }

  /** A usable path other than this, each time the next one: what must arrive goes on two. */
  another(path: Path): Path | undefined {
    const others = this.usable.filter((other) => other !== path);
    if (others.length === 0) return undefined;
    this.otherTurn = (this.otherTurn + 1) % others.length;
    return others[this.otherTurn];
  }

  /** Anew after any change of a path's state. */
  updateUsable(now: number): void {
    const live = this.paths.filter((path) => path.state === 'live');
    const certain = live.filter(({ nicDoubted }) => !nicDoubted);
    if (certain.length > 0) this.usable = certain;
    else this.usable = live.length > 0 ? live : this.paths.filter((path) => path.state === 'suspect');
    this.updateLimits();
    this.preferred = withoutBackups(this.usable);
    this.shareNics();
    this.scheduler.pathsChanged(this.usable, now);
    this.updateRules();
  }

  /** What a NIC is taken to carry at first is not counted for each of its paths anew. */
  private shareNics(): void {
    for (const path of this.usable) {
      if (path.rtt > 0) path.capacity.begin(path.rtt, path.nicShareOf(this.usable));
    }
  }

  /**
   * Anew after any change of a path's MTU. A path whose MTU is not known yet takes short packets only, unless there is no other; one
   * that carries very little does not make the packets of all the others short.
   */
  updateLimits(): void {
    const { usable } = this;
    if (usable.length === 0) return;
    const isAnyKnown = usable.some(({ mtu }) => mtu.known);
    let counted = Number.POSITIVE_INFINITY;
    this.leastLimit = Number.POSITIVE_INFINITY;
    for (const path of usable) {
      const { mtu } = path;
      path.limit = path.limitOf(mtu.known || !isAnyKnown ? mtu.size : mtu.least);
      this.leastLimit = Math.min(this.leastLimit, path.limit);
      if ((mtu.known || !isAnyKnown) && mtu.size >= COUNTED_MTU) counted = Math.min(counted, path.limit);
    }
    this.limit = counted < Number.POSITIVE_INFINITY ? counted : this.leastLimit;
  }

  /** Anew each WEIGHT_INTERVAL_US, since delays and losses change. */
  updateRules(): void {
    for (const paths of this.rulePaths.values()) paths.update(this.usable);
  }

  /** Forgets what is of rules that are no longer there. */
  keepRules(set: RuleSet): void {
    for (const rule of this.rulePaths.keys()) {
      if (!set.active.some((active) => active.rule === rule)) this.rulePaths.delete(rule);
    }
  }

  pathsOf(rule: RoutingRule): RulePaths {
    let paths = this.rulePaths.get(rule);
    if (paths === undefined) {
      paths = new RulePaths(rule);
      paths.update(this.usable);
      this.rulePaths.set(rule, paths);
    }
    return paths;
  }

  /**
   * Whether this control message is new (window of 32, as RFC 4303 section 3.4.3 does it); marks it as seen.
   * @param sequence its number, signed 32 bits
   */
  acceptControl(sequence: number): boolean {
    const ahead = (sequence - this.newestControl) | 0;
    if (ahead > 0) {
      this.seenControls = ahead >= 32 ? 1 : (this.seenControls << ahead) | 1;
      this.newestControl = sequence;
      return true;
    }
    if (ahead <= -32) return false;
    const bit = 1 << -ahead;
    if ((this.seenControls & bit) !== 0) return false;
    this.seenControls |= bit;
    return true;
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
