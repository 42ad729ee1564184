/** What the relay is told and what it tells: pure data, JSON on its control socket, one message a line. */
import type { Drops } from '../emulation/direction.js';
import type { Trace } from '../emulation/trace.js';
import type { Emulation, Loss, QueueLimit } from '../topology/topology.js';

/** A lab's relay, as its configuration file says. */
export interface RelayConfig {
  readonly lab: string;
  /** Path of the control socket. */
  readonly socket: string;
  readonly links: readonly RelayLink[];
}

export interface RelayLink {
  readonly name: string;
  /** Bytes of an IP packet. */
  readonly mtu: number;
  /** The relay's interfaces, in order of the link's ends. */
  readonly interfaces: readonly [string, string];
  /** Whether it has no carrier at first. */
  readonly cut: boolean;
  /** What leaves each end. */
  readonly directions: readonly [RelayDirection, RelayDirection];
}

export interface RelayDirection extends Emulation {
  /** bit/s. */
  readonly rateBps: number | null;
  readonly limit: QueueLimit;
  readonly seed: number;
}

/** What can change about a direction while it runs; what is left out stays. A rate ends a trace, and a trace a rate. */
export interface DirectionChange {
  readonly rateBps?: number;
  readonly limit?: QueueLimit;
  readonly delayUs?: number;
  readonly jitterUs?: number;
  readonly loss?: Loss | null;
  readonly reorder?: number;
  readonly duplicate?: number;
  /** Path of its file; it starts when it is set. */
  readonly trace?: string;
}

export type RelayRequest =
  | {
      readonly what: 'change';
      readonly link: string;
      readonly ends: readonly (0 | 1)[];
      readonly change: DirectionChange;
    }
  | { readonly what: 'carrier'; readonly link: string; readonly up: boolean }
  /** Empties all links and starts their traces and randomness again. */
  | { readonly what: 'reset' }
  | { readonly what: 'counters' };

/** Of one direction, since the relay started or was reset. */
export interface RelayCounters {
  readonly link: string;
  /** The end that it starts at. */
  readonly end: 0 | 1;
  readonly packets: number;
  readonly bytes: number;
  readonly delivered: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly dropped: RelayDrops;
}

export interface RelayDrops extends Drops {
  /** The relay had no memory for the packet, or the kernel none in front of the relay. */
  readonly overload: number;
  /** The far interface did not take it: it was down, say. */
  readonly refused: number;
}

/** An answer has the number of its request. */
export type RelayReply =
  /** `resetUs`: when it was reset, as CLOCK_REALTIME tells time. */
  | { readonly id: number; readonly counters?: readonly RelayCounters[]; readonly resetUs?: number }
  | { readonly id: number; readonly error: string };

/** Traces are read before the forwarding thread hears of them. */
export type ForwarderChange = Omit<DirectionChange, 'trace'> & { readonly trace?: Trace };
type ChangeRequest = Extract<RelayRequest, { readonly what: 'change' }>;
export type ForwarderRequest =
  | Exclude<RelayRequest, ChangeRequest>
  | (Omit<ChangeRequest, 'change'> & { readonly change: ForwarderChange });

/** What the forwarding thread starts with. */
export interface ForwarderStart {
  readonly wakeFd: number;
  readonly links: readonly (RelayLink & { readonly traces: readonly [Trace | null, Trace | null] })[];
}

export type ToForwarder = { readonly id: number; readonly request: ForwarderRequest } | { readonly what: 'stop' };
export type FromForwarder = { readonly what: 'ready'; readonly priority: string } | RelayReply;
