/** The node that relayed links run through: a namespace of the lab's own, with the relay process in it. */
import type { Plan, PlannedEnd, PlannedInterface, PlannedLink, PlannedNode } from './plan.js';

/** No node of a topology can have this name. */
export const RELAY_NODE = '-relay';

export function relayedLinks({ links }: Pick<Plan, 'links'>): PlannedLink[] {
  return links.filter(({ emulator }) => emulator === 'relay');
}

/** The relay's interface that a link's end is joined to; short, since links have long names. */
export function relayInterface(plan: Pick<Plan, 'links'>, link: string, end: 0 | 1): string {
  return `l${relayedLinks(plan).findIndex(({ name }) => name === link)}${end === 0 ? 'a' : 'b'}`;
}

/** All nodes that a backend makes: the plan's, and the relay's where it has links. */
export function hostedNodes(plan: Plan): readonly PlannedNode[] {
  const relayed = relayedLinks(plan);
  if (relayed.length === 0) return plan.nodes;
  const interfaces = relayed.flatMap(({ name }) =>
    ([0, 1] as const).map(
      (end): PlannedInterface => ({
        name: relayInterface(plan, name, end),
        link: name,
        addresses: [],
        bridge: null,
      }),
    ),
  );
  // Nothing of its own may leave by the relay's interfaces.
  const sysctls = [['net.ipv6.conf.default.disable_ipv6', '1']] as const;
  const own = { sysctls, interfaces, routes: [], rules: [], nat: null, firewall: null, mpip: null };
  return [...plan.nodes, { name: RELAY_NODE, kind: 'switch', ...own }];
}

/** Pairs of interfaces that are joined by a veth: the ends of a link, or each end and the relay. */
export function wires(plan: Pick<Plan, 'links'>, link: PlannedLink): [WireEnd, WireEnd][] {
  const [a, b] = link.ends;
  if (link.emulator !== 'relay') return [[a, b]];
  const relaySide = (end: 0 | 1): WireEnd => ({
    node: RELAY_NODE,
    interface: relayInterface(plan, link.name, end),
  });
  return [
    [a, relaySide(0)],
    [b, relaySide(1)],
  ];
}

export type WireEnd = Pick<PlannedEnd, 'node' | 'interface'>;
