import type { NodeConfig } from '../config.js';
import type { Address, Endpoint, KeyPair, LocalAddress, NodeIo } from '../io.js';
import type { Memory } from '../memory.js';
import { SurplusRoutes } from '../nat/surplus-routes.js';
import { RuleSet } from '../routing/rules.js';
import type { SlotPool } from '../slots.js';
import type { Peer } from '../tables/peers.js';
import { SessionTable } from '../tables/sessions.js';
import { SteeredAddresses } from '../tables/steered.js';
import { TimerQueue } from '../timers.js';
import { Counters } from './counters.js';

/** What the parts of a node share. */
export class NodeContext {
  readonly timers = new TimerQueue();
  readonly counters = new Counters();
  readonly sessions = new SessionTable();
  /** By the 32 bits that the CM carries, signed. */
  readonly peers = new Map<number, Peer>();
  /** Whose packets to an address may be. */
  readonly steered: SteeredAddresses;
  readonly surplusRoutes = new SurplusRoutes();
  rules: RuleSet;
  locals: readonly LocalAddress[] = [];
  /** Own addresses of sessions whose interface has gone: the sessions stay. */
  readonly pinned = new Set<Address>();
  /** Low 32 bits of the own node id, signed. */
  readonly key: number;
  readonly incarnation: number;
  readonly keyPair: KeyPair;
  /** Of the own address list: what the CM carries, and how often it has changed. */
  digest = 0;
  addressSequence = 1;

  constructor(
    readonly config: NodeConfig,
    readonly memory: Memory,
    readonly slots: SlotPool,
    readonly io: NodeIo,
  ) {
    this.steered = new SteeredAddresses(io);
    this.key = nodeKey(config.nodeId);
    this.keyPair = io.crypto.keyPair();
    this.incarnation = this.random32();
    this.rules = new RuleSet(config.rules);
  }

  random32(): number {
    const [a, b, c, d] = this.io.crypto.randomBytes(4);
    return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  }

  /** Whether sessions may have it as their own side. */
  isOwn(address: Address): boolean {
    return this.pinned.has(address) || this.locals.some((local) => local.address === address);
  }

  ownEndpoints(): Endpoint[] {
    return this.locals.map(({ address }) => ({ address, port: this.config.port }));
  }
}

/** Low 32 bits of a node id, signed. */
export function nodeKey(nodeId: Uint8Array): number {
  return (nodeId[4] << 24) | (nodeId[5] << 16) | (nodeId[6] << 8) | nodeId[7];
}

/** 24 bits over a list of endpoints, whatever its order (FNV-1a over the sorted text). */
export function addressDigest(endpoints: readonly Endpoint[]): number {
  let hash = 0x811c9dc5;
  const text = endpoints
    .map(({ address, port }) => `${address} ${port}`)
    .sort()
    .join(',');
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 24)) & 0xffffff;
}
