/** A topology as its author wrote it, checked, with all addresses given out, in base units: bit/s, microseconds, bytes. */
import type { IpPrefix } from '../../src/document/address.js';

/** What nodes are made of. */
export const BACKEND_NAMES = ['netns', 'docker'] as const;
export type BackendName = (typeof BACKEND_NAMES)[number];

export type NodeKind = 'host' | 'router' | 'switch';

export interface Topology {
  readonly name: string;
  /** What all randomness of the links starts from. */
  readonly seed: number;
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
  /** Of IPv4; null on nodes that translate nothing. */
  readonly nat: Nat | null;
  readonly firewall: Firewall | null;
}

/** RFC 4787's names for the four: the mapping of the first three does not depend on the destination, but who may use it does. */
export type NatType = 'full-cone' | 'address-restricted' | 'port-restricted' | 'symmetric';

export interface Nat {
  readonly type: NatType;
  /** Interface whose address takes the place of inside ones. */
  readonly outside: string;
  readonly forwards: readonly Forward[];
  /** Of an idle mapping, microseconds; null: the default. */
  readonly lifetimeUs: number | null;
}

/** What comes to a port of the outside address goes to a node inside. */
export interface Forward {
  readonly protocol: 'udp' | 'tcp';
  readonly port: number;
  readonly to: string;
  readonly toPort: number;
}

export interface Firewall {
  /** Dropped without an answer, unless allowed. */
  readonly block: readonly FlowMatch[];
  readonly allow: readonly FlowMatch[];
  /** Whether packets that fit no connection (TCP: its windows) are dropped. */
  readonly stateful: boolean;
}

/** Packets of a protocol, with a port of the range at either end; null: any. */
export interface FlowMatch {
  readonly protocol: 'udp' | 'tcp' | 'icmp';
  readonly ports: readonly [first: number, last: number] | null;
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
  /** Whether its interfaces may have the kernel build, cut and check packets of 64 KB; only a plain wire can. */
  readonly offloads: boolean;
  /** What leaves each end, in order of `ends`. */
  readonly directions: readonly [Direction, Direction];
}

/** One direction of a link. */
export interface Direction {
  /** bit/s, Ethernet headers counted; null: as fast as the machine. */
  readonly rateBps: number | null;
  /** null: the default for the rate. */
  readonly limit: QueueLimit | null;
  /** null: the file asks for nothing but a rate. */
  readonly emulation: Emulation | null;
}

/** What an emulator of links does to packets, besides rate and queue. Shares are 0 to 1. */
export interface Emulation {
  /** One way. */
  readonly delayUs: number;
  /** The delay is uniform in delay +/- jitter; order is kept. */
  readonly jitterUs: number;
  readonly loss: Loss | null;
  /** Of packets that skip the delay. */
  readonly reorder: number;
  /** Of packets that arrive twice. */
  readonly duplicate: number;
  /** A file, in place of a rate; its path is absolute, or relative to the working directory as the topology's was. */
  readonly trace: string | null;
}

/** Losses of single packets, or in runs of `burst` packets on average; `mean` is the share of all packets. */
export type Loss =
  | { readonly model: 'random'; readonly mean: number }
  | { readonly model: 'gilbert-elliott'; readonly mean: number; readonly burst: number };

/** How much may wait in front of a link before packets are dropped. */
export type QueueLimit =
  | { readonly kind: 'time'; readonly us: number }
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'packets'; readonly packets: number };
