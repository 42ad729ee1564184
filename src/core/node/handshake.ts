/** Who runs MPIP and under which key: queries, hello and welcome, the availability table (paper section 3.2). */
import { formatAddress, isIpv6 } from '../address.js';
import type { Address, Endpoint, LocalAddress, Source } from '../io.js';
import { makeScheduler } from '../routing/schedulers.js';
import { AvailabilityEntry, QUERY_LIMIT } from '../tables/availability.js';
import type { TcpConnection } from '../tables/connections.js';
import { Peer } from '../tables/peers.js';
import { CM_VERSION } from '../wire/cm.js';
import { CmType, type ControlMessage, type Hello, type Welcome } from '../wire/control.js';
import { addressDigest, type NodeContext, nodeKey } from './context.js';
import type { ControlChannel } from './control-channel.js';
import type { TcpCarrier } from './tcp-carrier.js';

/** First wait for an answer to a query; doubles. */
const QUERY_WAIT_US = 200_000;
/** A configured peer that has not answered so many queries by UDP is asked by TCP as well. */
const UDP_QUERIES = 3;
/** After a refusal: traffic to the destination may query again after ... */
const BACK_OFF_US = 30_000_000;
const MAX_BACK_OFF_US = 600_000_000;
/** ... and a configured peer, or one that was there, is queried again by itself. */
const PEER_BACK_OFF_US = 1_000_000;
const MAX_PEER_BACK_OFF_US = 5_000_000;
/** A node id under a new incarnation counts as restarted only when the old one has been silent for so long. */
const RESTART_SILENCE_US = 200_000;
/** A node that greeted but never proved its key is forgotten. */
const GREETING_LIFE_US = 10_000_000;
const MAX_PEERS = 4096;
const MAX_ENTRIES = 65_536;
/** Key agreements that strangers may cause, each second. */
const STRANGERS_PER_SECOND = 200;

/** Bit of the hello's capabilities: data and control carry tags. */
const CAPABILITY_AUTHENTICATION = 1;

const utf8 = new TextEncoder();

/** What the handshake tells the rest of the node. */
export interface HandshakeEvents {
  tick(peer: Peer, now: number): void;
  /** The peer answers for what it says: its paths can be probed. Also called when a known peer greets again. */
  proven(peer: Peer, now: number): void;
  /** Its answer came this way. */
  reached(peer: Peer, local: number, source: Source, now: number): void;
  /** The peer is to be forgotten with all that belongs to it. */
  gone(peer: Peer, reason: string, now: number): void;
}

export class Handshake {
  readonly entries = new Map<Address, AvailabilityEntry>();
  private strangers = 0;
  private strangersSince = 0;

  constructor(
    private readonly context: NodeContext,
    private readonly control: ControlChannel,
    private readonly connections: TcpCarrier,
    private readonly events: HandshakeEvents,
  ) {}

  /** Queries the configured peers. */
  start(now: number): void {
    for (const address of this.context.config.peers) {
      if (!this.isOwn(address)) this.query(this.entry(address, true), now);
    }
  }

  destinationSeen(address: Address, now: number): void {
    if (this.isOwn(address) || this.context.config.ignore.includes(address)) return;
    const known = this.entries.get(address);
    if (known === undefined) {
      if (this.entries.size < MAX_ENTRIES) this.query(this.entry(address, false), now);
    } else if (known.availability === 'false' && !known.configured && now >= known.retryAt) {
      this.query(known, now);
    }
  }

  /** ICMP says that nobody listens on the MPIP port there. */
  unreachable(remote: Endpoint, now: number): void {
    const entry = this.entries.get(remote.address);
    if (entry?.availability !== 'unknown') return;
    // A firewall that drops UDP may say the same.
    if (entry.queryCount > 0) this.queryByTcp(entry, now);
    this.refuse(entry, now);
  }

  /** New local addresses may reach what the old ones could not. */
  addressesChanged(now: number): void {
    for (const entry of this.entries.values()) {
      if (entry.availability === 'unknown' || (entry.configured && entry.availability === 'false'))
        this.query(entry, now);
    }
  }

  /** A peer that was up is gone: its addresses are queried again, soon and then less often. */
  peerGone(peer: Peer, now: number): void {
    for (const entry of this.entries.values()) {
      if (entry.availability !== 'true' || entry.node !== peer.key) continue;
      entry.availability = 'unknown';
      entry.queryCount = 0;
      entry.backOffUs = 0;
      this.context.timers.set(entry.retry, now + PEER_BACK_OFF_US);
    }
  }

  introduction(message: ControlMessage, local: number, source: Source, now: number): void {
    if (message.type === CmType.hello) this.hello(message, local, source, now);
    else if (message.type === CmType.welcome) this.welcome(message, local, source, now);
  }

  /** A TCP connection that was opened here is there: a peer that did not answer by UDP is greeted on it. */
  connected(connection: TcpConnection, now: number): void {
    const { address, port } = connection.remote;
    const entry = this.entries.get(address);
    if (entry !== undefined && entry.availability !== 'true' && entry.port === port && entry.queryCount > 0) {
      this.control.introduce(this.helloOf(entry), connection.local.id, connection, now);
    }
  }

  private hello(message: Hello, local: number, source: Source, now: number): void {
    const peer = this.peerOf(message, now);
    if (peer === undefined) return;
    const reply: Welcome = { ...this.introduce(message.nonce), type: CmType.welcome, echo: message.nonce };
    this.control.introduce(reply, local, source, now);
    this.available(this.entry(source.endpoint().address, false), peer);
    // What else is to be sent waits until the peer has shown its key: a forged hello draws one answer, no larger than itself.
    if (peer.proven) this.events.proven(peer, now);
  }

  private welcome(message: Welcome, local: number, source: Source, now: number): void {
    let answered: AvailabilityEntry | undefined;
    for (const entry of this.entries.values()) {
      if (entry.queryCount > 0 && equal(entry.nonce, message.echo)) answered = entry;
    }
    if (answered === undefined) return;
    const peer = this.peerOf(message, now);
    if (peer === undefined) return;
    this.available(answered, peer);
    peer.reachedAt(answered);
    peer.proven = true;
    this.events.proven(peer, now);
    this.events.reached(peer, local, source, now);
  }

  private available(entry: AvailabilityEntry, peer: Peer): void {
    entry.availability = 'true';
    entry.node = peer.key;
    entry.backOffUs = 0;
    this.context.timers.clear(entry.retry);
  }

  /** The peer that introduces itself, made or renewed; undefined = not to be talked to. */
  private peerOf(message: Hello | Welcome, now: number): Peer | undefined {
    const { context } = this;
    const { config, io } = context;
    if (!message.versions.includes(CM_VERSION)) {
      io.log('warn', 'peer-version', { versions: message.versions });
      return undefined;
    }
    const key = nodeKey(message.nodeId);
    if (key === context.key) return undefined;
    const authenticated = (message.capabilities & CAPABILITY_AUTHENTICATION) !== 0;
    if (authenticated !== config.authentication) {
      io.log('warn', 'peer-authentication', { theirs: authenticated, ours: config.authentication });
      return undefined;
    }
    const known = context.peers.get(key);
    if (known !== undefined) {
      if (!equal(known.nodeId, message.nodeId)) {
        io.log('warn', 'node-id-collision', { node: known.name });
        return undefined;
      }
      if (known.incarnation === message.incarnation && equal(known.publicKey, message.key)) return known;
      // Whoever claims a live peer's id has to wait until that one is silent; the real node, restarted, asks again.
      if (known.state === 'up' && now - known.heardAt < RESTART_SILENCE_US) return undefined;
      this.events.gone(known, 'restarted', now);
    }
    return this.makePeer(message, key, authenticated, now);
  }

  private makePeer(message: Hello | Welcome, key: number, authenticated: boolean, now: number): Peer | undefined {
    const { context } = this;
    if (context.peers.size >= MAX_PEERS || !this.admitStranger(now)) return undefined;
    const peer = new Peer(
      message.nodeId,
      key,
      message.incarnation,
      message.key,
      authenticated,
      makeScheduler(context.config.scheduler, context.random32()),
      (context.random32() % 0xffff) + 1,
      now,
      this.events.tick,
    );
    peer.addresses = [...message.addresses];
    peer.digest = addressDigest(peer.addresses);
    if (authenticated) {
      const secret = this.agree(message.key);
      if (secret === undefined) return undefined;
      peer.mac.setKey(secret);
    }
    context.peers.set(key, peer);
    context.timers.set(peer.tick, now + GREETING_LIFE_US);
    context.io.log('info', 'peer-greeted', {
      node: peer.name,
      addresses: peer.addresses.map(({ address }) => address),
    });
    return peer;
  }

  /** First 16 bytes of SHA-256 over both public keys, the X25519 secret and the configured secret. */
  private agree(theirs: Uint8Array): Uint8Array | undefined {
    const { io, keyPair, config } = this.context;
    const ours = keyPair.publicKey;
    const [first, second] = compare(ours, theirs) < 0 ? [ours, theirs] : [theirs, ours];
    try {
      const shared = keyPair.agree(theirs);
      return io.crypto.sha256(utf8.encode('mpip pair key'), first, second, shared, config.secret).subarray(0, 16);
    } catch (cause) {
      io.log('warn', 'key-agreement', { error: String(cause) });
      return undefined;
    }
  }

  private admitStranger(now: number): boolean {
    if (now - this.strangersSince > 1_000_000) {
      this.strangersSince = now;
      this.strangers = 0;
    }
    return this.strangers++ < STRANGERS_PER_SECOND;
  }

  private entry(address: Address, configured: boolean): AvailabilityEntry {
    let entry = this.entries.get(address);
    if (entry === undefined) {
      entry = new AvailabilityEntry(address, this.context.config.port, configured, (e, now) => this.retry(e, now));
      this.entries.set(address, entry);
    }
    return entry;
  }

  private query(entry: AvailabilityEntry, now: number): void {
    entry.availability = 'unknown';
    entry.queryCount = 0;
    entry.nonce.set(this.context.io.crypto.randomBytes(entry.nonce.length));
    this.sendQuery(entry, now);
  }

  private sendQuery(entry: AvailabilityEntry, now: number): void {
    const { transport } = this.context.config;
    entry.queryCount++;
    if (transport !== 'tcp') {
      const hello = this.helloOf(entry);
      const to = { endpoint: () => ({ address: entry.address, port: entry.port }) };
      for (const local of this.localsFor(entry)) this.control.introduce(hello, local.id, to, now);
    }
    if (transport === 'tcp' || entry.queryCount >= UDP_QUERIES) this.queryByTcp(entry, now);
    this.context.timers.set(entry.retry, now + QUERY_WAIT_US * 2 ** (entry.queryCount - 1));
  }

  /** Only a configured peer: a host that nobody vouches for is not asked for a connection. */
  private queryByTcp(entry: AvailabilityEntry, now: number): void {
    if (!entry.configured) return;
    const remote = { address: entry.address, port: entry.port };
    for (const local of this.localsFor(entry)) {
      const connection = this.connections.openedTo(local, remote);
      if (connection === undefined) this.connections.open(local, remote, now);
      else this.control.introduce(this.helloOf(entry), local.id, connection, now);
    }
  }

  private localsFor({ address }: AvailabilityEntry): LocalAddress[] {
    return this.context.locals.filter((local) => isIpv6(local.address) === isIpv6(address));
  }

  private retry(entry: AvailabilityEntry, now: number): void {
    if (entry.availability === 'true') return;
    if (entry.availability === 'false' || entry.queryCount === 0) this.query(entry, now);
    else if (entry.queryCount < QUERY_LIMIT) this.sendQuery(entry, now);
    else this.refuse(entry, now);
  }

  private refuse(entry: AvailabilityEntry, now: number): void {
    const [first, longest] = entry.configured
      ? [PEER_BACK_OFF_US, MAX_PEER_BACK_OFF_US]
      : [BACK_OFF_US, MAX_BACK_OFF_US];
    entry.availability = 'false';
    entry.backOffUs = Math.min(Math.max(first, entry.backOffUs * 2), longest);
    entry.retryAt = now + entry.backOffUs;
    if (entry.configured) this.context.timers.set(entry.retry, entry.retryAt);
    else this.context.timers.clear(entry.retry);
  }

  private helloOf(entry: AvailabilityEntry): Hello {
    return { ...this.introduce(entry.nonce), type: CmType.hello };
  }

  private introduce(nonce: Uint8Array): Omit<Hello, 'type'> {
    const { config, incarnation, keyPair } = this.context;
    return {
      versions: [CM_VERSION],
      nodeId: config.nodeId,
      incarnation,
      nonce,
      key: keyPair.publicKey,
      addresses: this.context.ownEndpoints(),
      capabilities: config.authentication ? CAPABILITY_AUTHENTICATION : 0,
    };
  }

  private isOwn(address: Address): boolean {
    return this.context.locals.some((local: LocalAddress) => local.address === address);
  }
}

/** Canonical text of an address held as bytes. */
export function addressText(bytes: Uint8Array): Address {
  return formatAddress(bytes, 0, bytes.length);
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return compare(a, b) === 0;
}

function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}
