/**
 * What a backend has to make: pure data, worked out from a topology alone. Nothing in it depends on the machine or on the lab's
 * name, so that one plan can be printed, compared and brought up many times.
 */
import type { BackendName, MpipSettings, NodeKind } from '../topology/topology.js';

export interface Plan {
  /** Name of the topology. */
  readonly topology: string;
  /** As the topology asks; null: whoever brings it up chooses. */
  readonly backend: BackendName | null;
  readonly nodes: readonly PlannedNode[];
  readonly links: readonly PlannedLink[];
  /** All ways between two MPIP hosts, in both directions; what `Lab.up` waits for. */
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

export interface PlannedMpip {
  /** As in the topology; `peers` and files are added where it does not name them. */
  readonly settings: MpipSettings;
  /** Addresses of the other MPIP hosts that this one can reach. */
  readonly peers: readonly string[];
}

export interface PlannedLink {
  readonly name: string;
  readonly mtu: number;
  readonly ends: readonly [PlannedEnd, PlannedEnd];
}

export interface PlannedEnd {
  readonly node: string;
  readonly interface: string;
  /** Of what leaves this end; null: nothing holds it back. */
  readonly shaping: Shaping | null;
}

/** A token bucket with a queue of bytes in front (tbf). Bytes count the Ethernet header (14), as the kernel does. */
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
