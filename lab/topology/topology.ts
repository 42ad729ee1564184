/** A topology as its author wrote it, checked, with all addresses given out, in base units: bit/s, microseconds, bytes. */
import type { IpPrefix } from '../../src/document/address.js';

/** What nodes are made of. */
export const BACKEND_NAMES = ['netns', 'docker'] as const;
export type BackendName = (typeof BACKEND_NAMES)[number];

export type NodeKind = 'host' | 'router' | 'switch';

export interface Topology {
  readonly name: string;
  /** null: whoever brings it up chooses. */
  readonly backend: BackendName | null;
  /** In the order of the file. */
  readonly nodes: readonly TopologyNode[];
  readonly links: readonly TopologyLink[];
}

export interface TopologyNode {
  readonly name: string;
  readonly kind: NodeKind;
  /** Settings of mpipd as its configuration file takes them; null for a plain node. */
  readonly mpip: MpipSettings | null;
  /** Written after the lab's own settings. */
  readonly sysctls: Readonly<Record<string, string>>;
}

export type MpipSettings = Readonly<Record<string, unknown>>;

export interface LinkEnd {
  readonly node: string;
  readonly interface: string;
}

export interface TopologyLink {
  readonly name: string;
  readonly ends: readonly [LinkEnd, LinkEnd];
  /** Of each end, in their order; none at a switch. */
  readonly addresses: readonly [readonly IpPrefix[], readonly IpPrefix[]];
  /** Bytes of an IP packet. */
  readonly mtu: number;
  /** What leaves each end, in order of `ends`. */
  readonly directions: readonly [Direction, Direction];
}

/** One direction of a link. */
export interface Direction {
  /** bit/s, Ethernet headers counted; null: as fast as the machine. */
  readonly rateBps: number | null;
  /** null: the default for the rate. */
  readonly limit: QueueLimit | null;
}

/** How much may wait in front of a link before packets are dropped. */
export type QueueLimit =
  | { readonly kind: 'time'; readonly us: number }
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'packets'; readonly packets: number };
