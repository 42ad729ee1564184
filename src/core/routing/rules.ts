/** User-defined multipath routing (paper section 3.5.2, Table 6): which packets take which paths, first match. */
import type { Address } from '../io.js';
import type { Path } from '../tables/paths.js';
import * as tcp from '../wire/tcp.js';

/** The modes of the paper's section 2. */
export type RoutingMode = 'all-paths' | 'selected-paths' | 'single-path' | 'protected-path';

/** Inclusive. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Which packets a rule is for; what is absent matches all. */
export interface PacketMatch {
  /** Destination of the session: address bytes (4 or 16) and how many of their leading bits count. */
  readonly destination?: { readonly bytes: Uint8Array; readonly bits: number };
  /** 6 or 17. */
  readonly protocol?: number;
  readonly destinationPort?: Range;
  readonly sourcePort?: Range;
  /** Length of the IP packet, bytes. */
  readonly length?: Range;
  /** 0 to 63. */
  readonly dscp?: number;
  /** TCP segments without payload that only acknowledge. */
  readonly pureAck?: boolean;
}

/** What a rule says about the order of the packets that arrive on a session. */
export interface Ordering {
  /** Whether early packets wait for those before them. */
  readonly on: boolean;
  /** How long they wait at most, us; absent: as the node decides. */
  readonly holdLimit?: number;
}

/** What rules look at of a session. */
export interface FlowKey {
  readonly protocol: number;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** Which of the usable paths a rule takes; what is absent selects all. When none is left, all usable paths are taken. */
export interface PathSelector {
  /** Names that the configuration gives paths. */
  readonly names?: readonly string[];
  /** Names of local interfaces. */
  readonly interfaces?: readonly string[];
  /** Local or remote addresses. */
  readonly addresses?: readonly Address[];
  /** Round trips shorter than this, us; one that is not known yet is. */
  readonly rttBelow?: number;
  /** Share of lost packets below this, 0 to 1. */
  readonly lossBelow?: number;
  /** Paths that are metered, or those that are not. */
  readonly metered?: boolean;
  /** Backup paths, or the others. Without it backup paths count while no other is selected. */
  readonly backup?: boolean;
}

export interface RoutingRule {
  /** How the rule is called in lists and when it is removed; unique. */
  readonly name: string;
  readonly match: PacketMatch;
  readonly mode: RoutingMode;
  readonly select: PathSelector;
  /** protected-path: on how many paths a packet is sent. */
  readonly copies: number;
  /** Of rules that match all packets of a session. */
  readonly ordering?: Ordering;
}

/** What no rule matches. */
export const DEFAULT_RULE: RoutingRule = { name: 'default', match: {}, mode: 'all-paths', select: {}, copies: 1 };

/** A rule at work. */
export class ActiveRule {
  /** Packets that took it; segments of a super-packet count each. */
  packets = 0;
  /** What was sent for them on all paths, copies and trials among it, with outer headers; what a path's failure has sent again is not. */
  bytes = 0;

  constructor(readonly rule: RoutingRule) {}
}

/** An ordered list of rules. A new list is a new object, which tells sessions that what they remember is out of date. */
export class RuleSet {
  readonly active: readonly ActiveRule[];
  /** What no rule matches. */
  readonly rest: ActiveRule;

  /** Rules that `before` has, too, go on as they are: with their count and the path that they are on. */
  constructor(rules: readonly RoutingRule[], before?: RuleSet) {
    const known = new Map((before?.active ?? []).map((active) => [JSON.stringify(active.rule), active]));
    this.active = rules.map((rule) => known.get(JSON.stringify(rule)) ?? new ActiveRule(rule));
    this.rest = before?.rest ?? new ActiveRule(DEFAULT_RULE);
  }

  /** The rules that can match packets of a session, in order; ends with the first that matches all of them. */
  candidates(session: FlowKey): ActiveRule[] {
    const candidates: ActiveRule[] = [];
    for (const active of this.active) {
      const { match } = active.rule;
      if (!matchesSession(match, session)) continue;
      candidates.push(active);
      if (!dependsOnPacket(match)) return candidates;
    }
    candidates.push(this.rest);
    return candidates;
  }

  /** What the first rule that matches all packets of a session says about their order. */
  orderingOf(session: FlowKey): Ordering | undefined {
    return this.candidates(session).at(-1)?.rule.ordering;
  }
}

/**
 * The first of a session's candidates that matches a packet.
 * @param length of the IP packet (of one segment, for a super-packet), bytes
 */
export function ruleFor(candidates: readonly ActiveRule[], length: number, dscp: number, pureAck: boolean): ActiveRule {
  for (let i = 0; i < candidates.length - 1; i++) {
    const { match } = candidates[i].rule;
    if (match.length !== undefined && (length < match.length.from || length > match.length.to)) continue;
    if (match.dscp !== undefined && match.dscp !== dscp) continue;
    if (match.pureAck !== undefined && match.pureAck !== pureAck) continue;
    return candidates[i];
  }
  return candidates[candidates.length - 1];
}

/** Whether a TCP segment with these flags and payload only acknowledges. */
export function isPureAck(flags: number, payloadBytes: number): boolean {
  return payloadBytes === 0 && (flags & (tcp.ACK | tcp.SYN | tcp.FIN | tcp.RST)) === tcp.ACK;
}

/** Whether a path fits a selector whose bounds are taken times `strictness`. */
export function selects(select: PathSelector, path: Path, strictness: number): boolean {
  const { names, interfaces, addresses, rttBelow, lossBelow, metered, backup } = select;
  if (names !== undefined && !path.names.some((name) => names.includes(name))) return false;
  if (metered !== undefined && metered !== path.isMetered) return false;
  if (backup !== undefined && backup !== path.isBackup) return false;
  if (interfaces !== undefined && !interfaces.includes(path.local.interface)) return false;
  if (addresses !== undefined && !addresses.includes(path.local.address) && !addresses.includes(path.remote.address)) {
    return false;
  }
  return (
    (rttBelow === undefined || path.ownRtt < rttBelow * strictness) &&
    (lossBelow === undefined || path.loss < lossBelow * strictness)
  );
}

/** The paths among these that are in use: backup paths only while there is no other. */
export function withoutBackups(paths: readonly Path[]): readonly Path[] {
  const others = paths.filter(({ isBackup }) => !isBackup);
  return others.length > 0 && others.length < paths.length ? others : paths;
}

function dependsOnPacket({ length, dscp, pureAck }: PacketMatch): boolean {
  return length !== undefined || dscp !== undefined || pureAck !== undefined;
}

function matchesSession(match: PacketMatch, session: FlowKey): boolean {
  const { destination, protocol, destinationPort, sourcePort } = match;
  if (protocol !== undefined && protocol !== session.protocol) return false;
  if (destinationPort !== undefined && !within(destinationPort, session.destinationPort)) return false;
  if (sourcePort !== undefined && !within(sourcePort, session.sourcePort)) return false;
  return destination === undefined || isInNetwork(session.destination, destination.bytes, destination.bits);
}

function within({ from, to }: Range, value: number): boolean {
  return value >= from && value <= to;
}

function isInNetwork(address: Uint8Array, network: Uint8Array, bits: number): boolean {
  if (address.length !== network.length) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== network[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (address[whole] ^ network[whole]) >> (8 - rest) === 0;
}
