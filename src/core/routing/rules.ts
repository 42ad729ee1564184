/** User-defined multipath routing (paper section 3.5.2, Table 6): which packets take which paths, first match. */
import type { Address } from '../io.js';
import type { Path } from '../tables/paths.js';
import type { Session } from '../tables/sessions.js';
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

/** Which of the usable paths a rule takes; what is absent selects all. When none is left, all usable paths are taken. */
export interface PathSelector {
  /** Names of local interfaces, in order of preference for single-path. */
  readonly interfaces?: readonly string[];
  /** Local or remote addresses. */
  readonly addresses?: readonly Address[];
  /** us. */
  readonly maxRtt?: number;
  /** 0 to 1. */
  readonly maxLoss?: number;
}

export interface RoutingRule {
  /** How the rule is called in lists and when it is removed; unique. */
  readonly name: string;
  readonly match: PacketMatch;
  readonly mode: RoutingMode;
  readonly select: PathSelector;
  /** protected-path: on how many paths a packet is sent. */
  readonly copies: number;
}

/** What no rule matches. */
export const DEFAULT_RULE: RoutingRule = { name: 'default', match: {}, mode: 'all-paths', select: {}, copies: 1 };

/** An ordered list of rules. A new list is a new object, which tells sessions that what they remember is out of date. */
export class RuleSet {
  constructor(readonly rules: readonly RoutingRule[]) {}

  /** The rules that can match packets of a session, in order; ends with the first that matches all of them. */
  candidates(session: Session): RoutingRule[] {
    const candidates: RoutingRule[] = [];
    for (const rule of this.rules) {
      if (!matchesSession(rule.match, session)) continue;
      candidates.push(rule);
      if (!dependsOnPacket(rule.match)) return candidates;
    }
    candidates.push(DEFAULT_RULE);
    return candidates;
  }
}

/**
 * The first of a session's candidates that matches a packet.
 * @param length of the IP packet (of one segment, for a super-packet), bytes
 */
export function ruleFor(
  candidates: readonly RoutingRule[],
  length: number,
  dscp: number,
  pureAck: boolean,
): RoutingRule {
  for (let i = 0; i < candidates.length - 1; i++) {
    const { match } = candidates[i];
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

/** Whether a path fits a selector. */
export function selects(select: PathSelector, path: Path): boolean {
  const { interfaces, addresses, maxRtt, maxLoss } = select;
  if (interfaces !== undefined && !interfaces.includes(path.local.interface)) return false;
  if (addresses !== undefined && !addresses.includes(path.local.address) && !addresses.includes(path.remote.address)) {
    return false;
  }
  return (maxRtt === undefined || path.rtt <= maxRtt) && (maxLoss === undefined || path.loss <= maxLoss);
}

function dependsOnPacket({ length, dscp, pureAck }: PacketMatch): boolean {
  return length !== undefined || dscp !== undefined || pureAck !== undefined;
}

function matchesSession(match: PacketMatch, session: Session): boolean {
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
