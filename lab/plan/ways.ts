/** The ways of packets through a plan, link by link, as its routes, rules, switches, NATs and firewalls send them. Pure. */
import type { IpPrefix } from '../../src/document/address.js';
import { contains } from '../topology/prefix.js';
import { blocks } from './middlebox.js';
import type { Plan, PlannedLink, PlannedMpip, PlannedNode } from './plan.js';

/** A link in one direction. */
export interface Hop {
  readonly link: PlannedLink;
  /** The end that it is entered at. */
  readonly from: 0 | 1;
}

export interface Way {
  /** Addresses as they are at the start. */
  readonly source: string;
  readonly destination: string;
  readonly hops: readonly Hop[];
  /** What takes it. */
  readonly flow: WayFlow;
}

/** What firewalls see. */
export interface WayFlow {
  readonly protocol: 'udp' | 'tcp';
  readonly port: number;
}

/** mpipd's port, by UDP and, where that does not get through, by TCP. */
const MPIP_PORT = 6747;

/** What mpipd's packets between two hosts with these settings are, in the order that it tries them. */
export function mpipFlows(...hosts: readonly (PlannedMpip['settings'] | undefined)[]): WayFlow[] {
  const without = (transport: 'udp' | 'tcp'): boolean => hosts.some((settings) => settings?.transport === transport);
  const udp: WayFlow = { protocol: 'udp', port: MPIP_PORT };
  const tcp: WayFlow = { protocol: 'tcp', port: MPIP_PORT };
  return [...(without('tcp') ? [] : [udp]), ...(without('udp') ? [] : [tcp])];
}

type Network = Pick<Plan, 'nodes' | 'links'>;

/** More is a loop. */
const HOPS_MAX = 64;

/** Every pair of addresses over which one node reaches another, in the order of their interfaces, for the first of the flows that gets through. */
export function waysBetween(plan: Network, from: string, to: string, ...flows: readonly WayFlow[]): Way[] {
  const sources = addressesOf(plan, from);
  return sources.flatMap((source) =>
    destinationsOf(plan, to).flatMap((destination) => {
      const ways = flows.map((flow) => wayTo(plan, from, to, source, destination, flow));
      return ways.find((way) => way !== null) ?? [];
    }),
  );
}

/** Those of mpipd's packets between two hosts. */
export function mpipWays(plan: Network, from: string, to: string): Way[] {
  const settings = [from, to].map((name) => nodeOf(plan, name).mpip?.settings);
  return waysBetween(plan, from, to, ...mpipFlows(...settings));
}

/** `source` null: the node chooses by its main table. null: there is none. */
export function wayTo(
  plan: Network,
  from: string,
  to: string,
  source: string | null,
  destination: string,
  flow: WayFlow,
): Way | null {
  if (source !== null && familyOf(source) !== familyOf(destination)) return null;
  const hops: Hop[] = [];
  let node = nodeOf(plan, from);
  let target = destination;
  while (hops.length < HOPS_MAX) {
    if (hasAddress(node, target)) {
      const inside = forwardedTo(plan, node, to);
      if (inside === undefined) return node.name === to ? { source: source ?? '', destination, hops, flow } : null;
      target = inside;
    }
    const passing = hops.length > 0;
    if (passing && (node.kind !== 'router' || blocks(node.firewall, flow.protocol, flow.port))) return null;
    const route = routeAt(node, passing ? null : source, target);
    if (route === null) return null;
    const reached = acrossSwitches(plan, node.name, route.interface, route.via ?? target);
    if (reached === null) return null;
    hops.push(...reached.hops);
    node = reached.node;
  }
  return null;
}

/** The same way in the other direction. */
export function reversed({ source, destination, hops, flow }: Way): Way {
  const back = hops.map(({ link, from }): Hop => ({ link, from: from === 0 ? 1 : 0 })).reverse();
  return { source: destination, destination: source, hops: back, flow };
}

/** Addresses that a node is reached at: its own, and those of NATs that forward to it. */
export function destinationsOf(plan: Network, name: string): string[] {
  const forwarding = plan.nodes.filter((node) => forwardedTo(plan, node, name) !== undefined);
  return [...addressesOf(plan, name), ...forwarding.flatMap(({ nat }) => nat?.addresses ?? [])];
}

function nodeOf({ nodes }: Network, name: string): PlannedNode {
  const node = nodes.find((own) => own.name === name);
  if (node === undefined) throw new RangeError(`the plan has no node ${name}`);
  return node;
}

function addressesOf(plan: Network, name: string): string[] {
  return nodeOf(plan, name).interfaces.flatMap(({ addresses }) => addresses.map((own) => prefixOf(own).address));
}

function hasAddress({ interfaces }: PlannedNode, address: string): boolean {
  return interfaces.some(({ addresses }) => addresses.some((own) => prefixOf(own).address === address));
}

/** The inside address that a NAT forwards something to, when it is one of a node. */
function forwardedTo(plan: Network, { nat }: PlannedNode, name: string): string | undefined {
  if (nat === null) return undefined;
  const own = addressesOf(plan, name);
  return nat.forwards.find(({ address }) => own.includes(address))?.address;
}

interface Exit {
  readonly interface: string;
  readonly via: string | null;
}

/** By the rules of the source, the longest prefix, the lowest metric. */
function routeAt(node: PlannedNode, source: string | null, target: string): Exit | null {
  const rule = node.rules.find(({ from }) => from === source);
  const table = rule?.table ?? 'main';
  const candidates = node.routes
    .filter((route) => route.table === table)
    .map((route) => ({ network: prefixOf(route.to), exit: route, metric: route.metric ?? 0 }));
  if (table === 'main') {
    for (const { name, addresses } of node.interfaces) {
      for (const own of addresses) {
        candidates.push({ network: prefixOf(own), exit: connected(name), metric: 0 });
      }
    }
  }
  const address = { address: target, family: familyOf(target) };
  const [best] = candidates
    .filter(({ network }) => contains(network, address))
    .sort((a, b) => b.network.prefix - a.network.prefix || a.metric - b.metric);
  return best?.exit.interface == null ? null : { interface: best.exit.interface, via: best.exit.via };
}

function connected(device: string): PlannedNode['routes'][number] {
  return { family: 4, table: 'main', to: '', interface: device, via: null, source: null, metric: null };
}

/** From an interface through the switches of its segment to the one that has an address. */
function acrossSwitches(
  plan: Network,
  start: string,
  device: string,
  address: string,
): { hops: Hop[]; node: PlannedNode } | null {
  const first = hopsFrom(plan, start).find(({ link, from }) => link.ends[from].interface === device);
  const open: Hop[][] = first === undefined ? [] : [[first]];
  const seen = new Set<string>();
  for (let hops = open.shift(); hops !== undefined; hops = open.shift()) {
    const last = hops[hops.length - 1] as Hop;
    seen.add(last.link.name);
    const end = last.link.ends[last.from === 0 ? 1 : 0];
    const node = nodeOf(plan, end.node);
    if (node.kind === 'switch') {
      for (const next of hopsFrom(plan, node.name)) if (!seen.has(next.link.name)) open.push([...hops, next]);
      continue;
    }
    const own = node.interfaces.find(({ name }) => name === end.interface);
    if (own?.addresses.some((one) => prefixOf(one).address === address)) return { hops, node };
  }
  return null;
}

function hopsFrom({ links }: Network, node: string): Hop[] {
  return links.flatMap((link) =>
    ([0, 1] as const).flatMap((from) => (link.ends[from].node === node ? [{ link, from }] : [])),
  );
}

function prefixOf(text: string): IpPrefix {
  const [address = '', prefix = ''] = text.split('/');
  const family = familyOf(address);
  return { address, family, prefix: prefix === '' ? (family === 4 ? 32 : 128) : Number(prefix) };
}

function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}
