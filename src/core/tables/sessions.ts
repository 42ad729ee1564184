import { get32 } from '../memory.js';
import type { Binding } from '../nat/binding.js';
import type { ReorderBuffer } from '../reorder/reorder-buffer.js';
import type { ActiveRule, RuleSet } from '../routing/rules.js';
import { Timer } from '../timers.js';
import type { PacketView } from '../wire/packet.js';
import type { Peer } from './peers.js';

/**
 * `opening`: the peer has not acknowledged the session yet, its packets go natively. `mpip`: they take the paths.
 * `native`: the peer does not take it; left alone until `retryAt`.
 */
export type SessionState = 'opening' | 'mpip' | 'native';

/** A path that brought nothing of a session for so long is not in use: nothing of it is waited for. */
export const PATH_IN_USE_US = 200_000;

/** A transport-layer flow between two nodes (Table 4), named from this side: source is the local application. */
export class Session {
  state: SessionState = 'opening';
  /** Next session sequence number to send. */
  sendSequence = 0;
  /** When a packet of it was last seen, us (Table 4, Update Time). */
  updatedAt: number;
  opensSent = 0;
  /** `native` only: when opening may be tried again, us. */
  retryAt = 0;
  /** When it became `mpip`, us. */
  boundAt = Number.NEGATIVE_INFINITY;
  /** Both directions have sent FIN, or one RST: the entry may go soon. */
  finSeen = 0;
  /** By path id: when a packet was last put on it, us. A path that was not in use for a while begins anew. */
  private lastUse = new Float64Array(8).fill(Number.NEGATIVE_INFINITY);
  private pathBeganAt = Number.NEGATIVE_INFINITY;
  /** The rules that can match its packets, and the set that they are of. */
  private rules: readonly ActiveRule[] = [];
  private rulesOf: RuleSet | undefined;
  sentPackets = 0;
  sentBytes = 0;
  receivedPackets = 0;
  receivedBytes = 0;
  /** Says `open` again until it is acknowledged. */
  readonly openTimer: Timer;
  /** Gives up the gap that the reorder buffer waits for. */
  readonly holdTimer: Timer;
  /** Its addresses are others at the peer (NAT): the session is shown in-band before packets take paths. */
  binding: Binding | undefined;
  /** The peer's packets of it are taken. Not before it was shown in-band, when it takes that. */
  receives = true;
  /** Only the peer's answer to a block within the session's native packets makes it MPIP: nothing else shows that they reach the peer. */
  mustBind = false;
  /** Nodes behind the same NAT that did not know it, so it may be this peer's. */
  notOf: readonly Peer[] = [];
  /** Next in the hash chain of SessionTable. */
  chain: Session | undefined;

  constructor(
    readonly peer: Peer,
    /** 1 to 65535, unique together with the side that opened it. */
    readonly id: number,
    readonly openedBySelf: boolean,
    readonly protocol: number,
    /** 4 or 16 bytes each. */
    readonly source: Uint8Array,
    readonly destination: Uint8Array,
    readonly sourcePort: number,
    readonly destinationPort: number,
    readonly reorder: ReorderBuffer,
    now: number,
    onOpenTimer: (session: Session, now: number) => void,
    onHoldTimer: (session: Session, now: number) => void,
  ) {
    this.updatedAt = now;
    this.openTimer = new Timer((at) => onOpenTimer(this, at));
    this.holdTimer = new Timer((at) => onHoldTimer(this, at));
  }

  /** Worked out anew when `set` is another than before. */
  rulesFrom(set: RuleSet): readonly ActiveRule[] {
    if (this.rulesOf !== set) {
      this.rulesOf = set;
      this.rules = set.candidates(this);
    }
    return this.rules;
  }

  usePath(id: number, now: number): void {
    if (id >= this.lastUse.length) {
      const longer = new Float64Array(2 * id).fill(Number.NEGATIVE_INFINITY);
      longer.set(this.lastUse);
      this.lastUse = longer;
    }
    if (now - this.lastUse[id] > PATH_IN_USE_US / 2) this.pathBeganAt = now;
    this.lastUse[id] = now;
  }

  /** Whether packets must say that a path has begun: for longer than the receiver remembers paths. */
  pathBegins(now: number): boolean {
    return now - this.pathBeganAt < PATH_IN_USE_US;
  }
}

function same(b: Uint8Array, at: number, address: Uint8Array): boolean {
  for (let i = 0; i < address.length; i++) if (b[at + i] !== address[i]) return false;
  return true;
}

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

function hashAddress(seed: number, b: Uint8Array, at: number, bytes: number): number {
  let hash = seed;
  for (let i = 0; i < bytes; i += 4) hash = mix(hash, get32(b, at + i));
  return hash;
}

function hashTuple(
  protocol: number,
  a: Uint8Array,
  sourceAt: number,
  b: Uint8Array,
  destinationAt: number,
  addressBytes: number,
  sourcePort: number,
  destinationPort: number,
): number {
  const hash = hashAddress(hashAddress(protocol, a, sourceAt, addressBytes), b, destinationAt, addressBytes);
  return mix(hash, (sourcePort << 16) | destinationPort);
}

const INITIAL_BUCKETS = 256;

/** All sessions by their 5-tuple; a look-up reads the packet in place. */
export class SessionTable {
  private buckets: (Session | undefined)[] = new Array(INITIAL_BUCKETS).fill(undefined);
  size = 0;

  /** The session that an outgoing packet belongs to. */
  find(b: Uint8Array, packet: PacketView): Session | undefined {
    const { sourceAt, destinationAt, addressBytes, sourcePort, destinationPort, protocol } = packet;
    return this.lookUp(protocol, b, sourceAt, b, destinationAt, addressBytes, sourcePort, destinationPort);
  }

  findTuple(
    protocol: number,
    source: Uint8Array,
    sourcePort: number,
    destination: Uint8Array,
    destinationPort: number,
  ): Session | undefined {
    return this.lookUp(protocol, source, 0, destination, 0, source.length, sourcePort, destinationPort);
  }

  add(session: Session): void {
    if (this.size >= this.buckets.length) this.grow();
    this.insert(session);
    this.size++;
  }

  delete(session: Session): void {
    const index = this.bucket(session);
    let previous: Session | undefined;
    for (let at = this.buckets[index]; at !== undefined; previous = at, at = at.chain) {
      if (at !== session) continue;
      if (previous === undefined) this.buckets[index] = at.chain;
      else previous.chain = at.chain;
      session.chain = undefined;
      this.size--;
      return;
    }
  }

  /** A session may be deleted while it is the current one. */
  *[Symbol.iterator](): Generator<Session> {
    for (const first of this.buckets) {
      for (let session = first; session !== undefined; ) {
        const next: Session | undefined = session.chain;
        yield session;
        session = next;
      }
    }
  }

  private lookUp(
    protocol: number,
    a: Uint8Array,
    sourceAt: number,
    b: Uint8Array,
    destinationAt: number,
    addressBytes: number,
    sourcePort: number,
    destinationPort: number,
  ): Session | undefined {
    const hash = hashTuple(protocol, a, sourceAt, b, destinationAt, addressBytes, sourcePort, destinationPort);
    let session = this.buckets[hash & (this.buckets.length - 1)];
    while (session !== undefined) {
      if (
        session.sourcePort === sourcePort &&
        session.destinationPort === destinationPort &&
        session.protocol === protocol &&
        session.source.length === addressBytes &&
        same(a, sourceAt, session.source) &&
        same(b, destinationAt, session.destination)
      ) {
        return session;
      }
      session = session.chain;
    }
    return undefined;
  }

  private bucket({ protocol, source, destination, sourcePort, destinationPort }: Session): number {
    const hash = hashTuple(protocol, source, 0, destination, 0, source.length, sourcePort, destinationPort);
    return hash & (this.buckets.length - 1);
  }

  private insert(session: Session): void {
    const index = this.bucket(session);
    session.chain = this.buckets[index];
    this.buckets[index] = session;
  }

  private grow(): void {
    const all = [...this];
    this.buckets = new Array(this.buckets.length * 4).fill(undefined);
    for (const session of all) this.insert(session);
  }
}
