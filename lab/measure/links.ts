/** The links between two nodes, direct or by routers and NATs, as the receiver of a transfer sees them. */
import { rateOf } from '../plan/capacity.js';
import type { Emulator, Plan } from '../plan/plan.js';
import { type Hop, mpipWays, reversed, type Way, waysBetween } from '../plan/ways.js';
import type { LinkEnd } from '../topology/topology.js';

export interface ReceivingLink {
  readonly name: string;
  /** Where what it carries is counted: its end towards the receiver. */
  readonly at: LinkEnd;
  /** The sender's interface that all ways by this link leave by, and no others; null where there is none such. */
  readonly senderInterface: string | null;
  /** bit/s towards the receiver, of the slowest link on the way by it, Ethernet headers counted; null = nothing holds it back. */
  readonly rateBps: number | null;
  readonly queueBytes: number | null;
  readonly mtu: number;
  /** One way, towards the receiver, of all links on the way. */
  readonly delayUs: number;
  readonly emulator: Emulator;
}

/**
 * The links that tell paths apart, in the order of the plan: those that the receiver is at, or those that the sender is at where they are more (a
 * client with two interfaces that sends to a server with one).
 */
export function linksBetween(plan: Plan, sender: string, receiver: string): ReceivingLink[] {
  const ways = waysToReceiver(plan, sender, receiver);
  const first = distinct(ways.map(({ hops }) => hops[0]));
  const last = distinct(ways.map(({ hops }) => hops[hops.length - 1]));
  return inOrder(plan, last.length >= first.length ? last : first).map((hop) => described(hop, ways));
}

/** All links on the ways between two nodes, each with figures of its own, in the order of the plan. */
export function linksOnTheWay(plan: Plan, sender: string, receiver: string): ReceivingLink[] {
  const ways = waysToReceiver(plan, sender, receiver);
  const hops = inOrder(plan, distinct(ways.flatMap((way) => way.hops)));
  return hops.map((hop) =>
    described(
      hop,
      ways.slice(0, 1).map((way) => ({ ...way, hops: [hop] })),
    ),
  );
}

/** What comes from outside of a NAT takes the ways that lead out. */
function waysToReceiver(plan: Plan, sender: string, receiver: string): Way[] {
  const plain = (from: string, to: string): Way[] => waysBetween(plan, from, to, { protocol: 'tcp', port: 0 });
  const mpip = (from: string, to: string): Way[] => mpipWays(plan, from, to);
  for (const waysOf of [mpip, plain]) {
    const ways = waysOf(sender, receiver);
    if (ways.length > 0) return ways;
    const back = waysOf(receiver, sender).map(reversed);
    if (back.length > 0) return back;
  }
  return [];
}

function described({ link, from }: Hop, ways: readonly Way[]): ReceivingLink {
  const over = ways.filter(({ hops }) => hops.some((hop) => hop.link.name === link.name && hop.from === from));
  const start = link.ends[from];
  const far = link.ends[from === 0 ? 1 : 0];
  const [device, ...others] = new Set(over.map(leavesBy));
  const only = others.length === 0 && ways.every((way) => leavesBy(way) !== device || over.includes(way));
  const rates = over.map(rateOf);
  return {
    name: link.name,
    at: { node: far.node, interface: far.interface },
    senderInterface: only ? (device ?? null) : null,
    rateBps: rates.some((rate) => rate === null) ? null : Math.max(...rates.map((rate) => rate ?? 0)),
    queueBytes: start.shaping?.limitBytes ?? null,
    mtu: Math.min(...over.flatMap(({ hops }) => hops.map((hop) => hop.link.mtu))),
    delayUs: Math.min(...over.map(delayOf)),
    emulator: link.emulator,
  };
}

function leavesBy({ hops }: Way): string {
  const [first] = hops;
  return first === undefined ? '' : first.link.ends[first.from].interface;
}

function delayOf({ hops }: Way): number {
  return hops.reduce((sum, { link, from }) => sum + (link.ends[from].emulation?.delayUs ?? 0), 0);
}

function distinct(hops: readonly (Hop | undefined)[]): Hop[] {
  const known = new Map<string, Hop>();
  for (const hop of hops) if (hop !== undefined) known.set(`${hop.link.name} ${hop.from}`, hop);
  return [...known.values()];
}

function inOrder({ links }: Plan, hops: readonly Hop[]): Hop[] {
  const place = ({ link }: Hop): number => links.findIndex(({ name }) => name === link.name);
  return [...hops].sort((a, b) => place(a) - place(b));
}
