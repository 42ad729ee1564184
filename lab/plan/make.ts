/** Topology to plan: pure, total, and the same every time. */
import { Network } from '../topology/network.js';
import { prefixText } from '../topology/prefix.js';
import type { Topology, TopologyNode } from '../topology/topology.js';
import { planLink } from './links.js';
import { blocks, middleboxSysctls, planNat } from './middlebox.js';
import type { Plan, PlannedInterface, PlannedNode, PlannedPath } from './plan.js';
import { routesOf } from './routes.js';
import { mpipFlows, type WayFlow } from './ways.js';

/** The bridge inside a switch. */
const BRIDGE = 'br0';

type Sysctls = readonly (readonly [string, string])[];

/** No duplicate address detection, no addresses or routes that the file does not name. */
const IPV6_STATIC: Sysctls = [
  ['net.ipv6.conf.default.accept_dad', '0'],
  ['net.ipv6.conf.default.dad_transmits', '0'],
  ['net.ipv6.conf.default.accept_ra', '0'],
  ['net.ipv6.conf.default.autoconf', '0'],
  ['net.ipv6.conf.default.router_solicitations', '0'],
];

/** Without link-local addresses the kernel sends nothing of its own accord (multicast listener reports): a link's losses are drawn for packets of the experiment alone. */
const IPV6_SILENT: Sysctls = [['net.ipv6.conf.default.addr_gen_mode', '1']];

/** What one transfer learns (slow start threshold, RTT) must not help or hinder the next. */
const REPEATABLE: Sysctls = [['net.ipv4.tcp_no_metrics_save', '1']];

const NO_REVERSE_PATH_FILTER: Sysctls = [
  ['net.ipv4.conf.all.rp_filter', '0'],
  ['net.ipv4.conf.default.rp_filter', '0'],
];

const SYSCTLS: Readonly<Record<TopologyNode['kind'], Sysctls>> = {
  // The strict host model: an interface answers for its own addresses only.
  host: [
    ...IPV6_STATIC,
    ...NO_REVERSE_PATH_FILTER,
    ...REPEATABLE,
    ['net.ipv4.conf.all.arp_ignore', '1'],
    ['net.ipv4.conf.default.arp_ignore', '1'],
    ['net.ipv4.conf.all.arp_announce', '2'],
    ['net.ipv4.conf.default.arp_announce', '2'],
  ],
  router: [
    ...IPV6_STATIC,
    ...NO_REVERSE_PATH_FILTER,
    ['net.ipv4.ip_forward', '1'],
    ['net.ipv6.conf.all.forwarding', '1'],
    ['net.ipv6.conf.default.forwarding', '1'],
  ],
  switch: [['net.ipv6.conf.default.disable_ipv6', '1']],
};

export function makePlan(topology: Topology): Plan {
  const network = new Network(topology);
  const ways = waysOf(topology, network);
  return {
    topology: topology.name,
    backend: topology.backend,
    nodes: topology.nodes.map((node) => planNode(node, topology, network, ways)),
    links: topology.links.map((link) => planLink(link, topology.seed)),
    paths: pathsOf(ways),
  };
}

/** The same plan with plain hosts only. */
export function withoutMpip(plan: Plan): Plan {
  return { ...plan, nodes: plan.nodes.map((node) => ({ ...node, mpip: null })), paths: [] };
}

function planNode(node: TopologyNode, topology: Topology, network: Network, ways: readonly PlannedPath[]): PlannedNode {
  const interfaces = topology.links.flatMap((link) =>
    link.ends.flatMap((end, index): PlannedInterface[] => {
      if (end.node !== node.name) return [];
      const addresses = (link.addresses[index] ?? []).map(prefixText);
      return [{ name: end.interface, link: link.name, addresses, bridge: node.kind === 'switch' ? BRIDGE : null }];
    }),
  );
  const hasIPv6 = interfaces.some(({ addresses }) => addresses.some((address) => address.includes(':')));
  const peers = [...new Set(ways.filter(({ from }) => from === node.name).map(({ destination }) => destination))];
  return {
    name: node.name,
    kind: node.kind,
    sysctls: [
      ...SYSCTLS[node.kind],
      ...(hasIPv6 || node.kind === 'switch' ? [] : IPV6_SILENT),
      ...middleboxSysctls(node),
      ...Object.entries(node.sysctls),
    ],
    interfaces,
    ...routesOf(node, network),
    nat: planNat(node, network),
    firewall: node.firewall,
    mpip: node.mpip === null ? null : { settings: node.mpip, peers },
  };
}

/** Each pair of addresses of two MPIP hosts between which mpipd's packets get through from the first to the second, by UDP or by TCP. */
function waysOf(topology: Topology, network: Network): PlannedPath[] {
  const hosts = topology.nodes.filter(({ mpip }) => mpip !== null);
  const ways: PlannedPath[] = [];
  for (const { name: from, mpip } of hosts) {
    for (const { name: to, mpip: other } of hosts) {
      if (from === to) continue;
      const closed = closedTo(topology, mpipFlows(mpip ?? undefined, other ?? undefined));
      for (const start of network.stationsOf(from)) {
        for (const end of network.stationsOf(to)) {
          for (const source of start.addresses) {
            const routers = network.routersBetween(start, end, source.family);
            if (routers === undefined || routers.some((router) => closed.has(router))) continue;
            for (const destination of end.addresses) {
              if (source.family !== destination.family) continue;
              ways.push({ from, to, source: source.address, destination: destination.address });
            }
          }
        }
      }
    }
  }
  return ways;
}

/** The nodes whose firewalls let none of the flows through. */
function closedTo({ nodes }: Topology, flows: readonly WayFlow[]): ReadonlySet<string> {
  const isClosed = ({ firewall }: TopologyNode): boolean =>
    flows.every(({ protocol, port }) => blocks(firewall, protocol, port));
  return new Set(nodes.filter(isClosed).map(({ name }) => name));
}

/** The ways that lead back as well: not those through a NAT. */
function pathsOf(ways: readonly PlannedPath[]): PlannedPath[] {
  const known = new Set(ways.map(({ source, destination }) => `${source} ${destination}`));
  return ways.filter(({ source, destination }) => known.has(`${destination} ${source}`));
}
