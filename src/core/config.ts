/** What a node can be told. The daemon's file and the simulator both end here. */
import type { Address, Transport } from './io.js';
import type { PathDescription } from './routing/path-traits.js';
import type { RoutingRule } from './routing/rules.js';

const MPIP_PORT = 6747;

export type SchedulerName = 'paper' | 'earliest';
export type TransportPolicy = 'auto' | Transport;
export type ReorderMode = 'off' | 'paper' | 'adaptive';

export interface NodeConfig {
  /** 8 bytes, random once, then kept. */
  readonly nodeId: Uint8Array;
  readonly port: number;
  /** What carries datagrams: UDP, fake TCP connections, or these where UDP goes unanswered. */
  readonly transport: TransportPolicy;
  readonly scheduler: SchedulerName;
  readonly reorder: { readonly tcp: ReorderMode; readonly udp: ReorderMode };
  /** Minimum delay over the last 30 s, or over all time as in the paper. */
  readonly minDelay: 'windowed' | 'all-time';
  /** Mixed into the key of every pair; nodes with different secrets never agree. Empty = none. */
  readonly secret: Uint8Array;
  readonly authentication: boolean;
  /** An idle path is probed so often, us: inside the mapping lifetime of the NATs on it. */
  readonly keepAlive: number;
  /** Peers that are greeted at once and for ever, not only when traffic is seen. */
  readonly peers: readonly Address[];
  /** Addresses that are never queried: what goes there is left to the kernel. */
  readonly ignore: readonly Address[];
  /** What paths are called, and which are metered or kept in reserve. */
  readonly paths: readonly PathDescription[];
  /** First match; what none matches takes all paths. */
  readonly rules: readonly RoutingRule[];
}

export const DEFAULT_CONFIG: Omit<NodeConfig, 'nodeId'> = {
  port: MPIP_PORT,
  transport: 'auto',
  scheduler: 'earliest',
  reorder: { tcp: 'adaptive', udp: 'adaptive' },
  minDelay: 'windowed',
  secret: new Uint8Array(0),
  authentication: true,
  keepAlive: 20_000_000,
  peers: [],
  ignore: [],
  paths: [],
  rules: [],
};
