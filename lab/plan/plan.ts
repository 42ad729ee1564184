/**
 * What a backend has to make: pure data, worked out from a topology alone. Nothing in it depends on the machine or on the lab's
 * name, so that one plan can be printed, compared and brought up many times.
 */
import type {
  BackendName,
  Emulation,
  Firewall,
  MpipSettings,
  NatType,
  NodeKind,
  QueueLimit,
} from '../topology/topology.js';

export interface Plan {
  /** Name of the topology. */
  readonly topology: string;
  /** As the topology asks; null: whoever brings it up chooses. */
  readonly backend: BackendName | null;
  readonly nodes: readonly PlannedNode[];
  readonly links: readonly PlannedLink[];
  /** All ways between two MPIP hosts that are open in both directions; what `Lab.up` waits for. */
  readonly paths: readonly PlannedPath[];
}

export interface PlannedNode {
  readonly name: string;
  readonly kind: NodeKind;
  /** In this order, before interfaces exist, so that these take the values of `default`. */
  readonly sysctls: readonly (readonly [key: string, value: string])[];
  readonly interfaces: readonly PlannedInterface[];
  readonly routes: readonly PlannedRoute[];
  readonly rules: readonly PlannedRule[];
  readonly nat: PlannedNat | null;
  readonly firewall: Firewall | null;
  readonly mpip: PlannedMpip | null;
}

export interface PlannedInterface {
  readonly name: string;
  readonly link: string;
  /** With prefix: "10.1.0.1/24". */
  readonly addresses: readonly string[];
  /** The bridge that it is a port of, at a switch. */
  readonly bridge: string | null;
}

/** A route that the kernel does not make by itself. It is lost when its interface goes down, and put back when that comes up. */
export interface PlannedRoute {
  readonly family: 4 | 6;
  readonly table: number | 'main';
  /** A network; 0.0.0.0/0 and ::/0 are the default. */
  readonly to: string;
  /** null: nothing is reached (an unreachable route). */
  readonly interface: string | null;
  readonly via: string | null;
  /** Preferred source address. */
  readonly source: string | null;
  readonly metric: number | null;
}

/** `ip rule from SOURCE lookup TABLE`. */
export interface PlannedRule {
  readonly family: 4 | 6;
  readonly priority: number;
  readonly from: string;
  readonly table: number;
}

/** Translation of IPv4 between one outside interface and all others. */
export interface PlannedNat {
  readonly type: NatType;
  readonly outside: string;
  /** Of the outside interface. */
  readonly addresses: readonly string[];
  readonly forwards: readonly PlannedForward[];
  /** Seconds that an idle mapping lives. */
  readonly lifetimeS: Readonly<Record<'udp' | 'tcp', number>>;
}

/** From a port of the outside address to an address and port inside. */
export interface PlannedForward {
  readonly protocol: 'udp' | 'tcp';
  readonly port: number;
  readonly address: string;
  readonly toPort: number;
}

export interface PlannedMpip {
  /** As in the topology; `peers` and files are added where it does not name them. */
  readonly settings: MpipSettings;
  /** Addresses of the other MPIP hosts that this one can reach. */
  readonly peers: readonly string[];
}

export interface PlannedLink {
  readonly name: string;
  readonly mtu: number;
  /** Whether its interfaces keep their offloads. */
  readonly offloads: boolean;
  readonly emulator: Emulator;
  /** Whether what is random about it is the same again for the same seed: not so with the netem of a kernel before Linux 6.6. */
  readonly repeatable: boolean;
  readonly ends: readonly [PlannedEnd, PlannedEnd];
  /** A relayed link whose carrier was taken away while it ran. */
  readonly cut?: boolean;
}

/**
 * What makes a link what it is: nothing but the veth pair, the kernel's token bucket, the kernel's netem with it, or the lab's relay between
 * two veth pairs. A plan that no machine has been chosen for has the relay, which runs everywhere.
 */
export type Emulator = 'none' | 'tbf' | 'netem' | 'relay';

export interface PlannedEnd {
  readonly node: string;
  readonly interface: string;
  /** Of what leaves this end; null: nothing holds it back. */
  readonly shaping: Shaping | null;
  /** Of what leaves this end; null where the link has no emulator but a token bucket. */
  readonly emulation: PlannedEmulation | null;
}

export interface PlannedEmulation extends Emulation {
  /** What may wait in front of the rate or the trace. */
  readonly limit: QueueLimit;
  /** The start of this direction's own randomness, 32 bits. */
  readonly seed: number;
}

/**
 * A token bucket with a queue of bytes in front (tbf). Bytes count the Ethernet header (14), as the kernel does. A relay sends at exactly
 * the rate: its bucket is empty.
 */
export interface Shaping {
  readonly kind: 'token-bucket';
  /** bit/s. */
  readonly rateBps: number;
  readonly burstBytes: number;
  readonly limitBytes: number;
}

export interface PlannedPath {
  /** Node that the path starts at. */
  readonly from: string;
  readonly to: string;
  readonly source: string;
  readonly destination: string;
}
