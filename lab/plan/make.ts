/** Topology to plan: pure, total, and the same every time. */
import { prefixText } from '../topology/prefix.js';
import type { Topology, TopologyLink, TopologyNode } from '../topology/topology.js';
import { Network } from './network.js';
import type { Plan, PlannedInterface, PlannedLink, PlannedNode, PlannedPath } from './plan.js';
import { routesOf } from './routes.js';
import { shapingFor } from './shaping.js';

/** The bridge inside a switch. */
const BRIDGE = 'br0';

type Sysctls = readonly (readonly [string, string])[];

/** No duplicate address detection, no addresses or routes that the file does not name. */
const IPV6_STATIC: Sysctls = [
  ['net.ipv6.conf.default.accept_dad', '0'],
  ['net.ipv6.conf.default.dad_transmits', '0'],
  ['net.ipv6.conf.default.accept_ra', '0'],
  ['net.ipv6.conf.default.autoconf', '0'],
];

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
  const paths = pathsOf(topology, network);
  return {
    topology: topology.name,
    backend: topology.backend,
    nodes: topology.nodes.map((node) => planNode(node, topology, network, paths)),
    links: topology.links.map(planLink),
    paths,
  };
}

/** The same plan with plain hosts only. */
export function withoutMpip(plan: Plan): Plan {
  return { ...plan, nodes: plan.nodes.map((node) => ({ ...node, mpip: null })), paths: [] };
}

function planNode(
  node: TopologyNode,
  topology: Topology,
  network: Network,
  paths: readonly PlannedPath[],
): PlannedNode {
  const interfaces = topology.links.flatMap((link) =>
    link.ends.flatMap((end, index): PlannedInterface[] => {
      if (end.node !== node.name) return [];
      const addresses = (link.addresses[index] ?? []).map(prefixText);
      return [{ name: end.interface, link: link.name, addresses, bridge: node.kind === 'switch' ? BRIDGE : null }];
    }),
  );
  const peers = [...new Set(paths.filter(({ from }) => from === node.name).map(({ destination }) => destination))];
  return {
    name: node.name,
    kind: node.kind,
    sysctls: [...SYSCTLS[node.kind], ...Object.entries(node.sysctls)],
    interfaces,
    ...routesOf(node, network),
    mpip: node.mpip === null ? null : { settings: node.mpip, peers },
  };
}

function planLink({ name, mtu, ends, directions }: TopologyLink): PlannedLink {
  const [first, second] = ends.map((end, index) => {
    const { rateBps, limit } = directions[index] as TopologyLink['directions'][0];
    return { ...end, shaping: rateBps === null ? null : shapingFor(rateBps, limit, mtu) };
  }) as [PlannedLink['ends'][0], PlannedLink['ends'][1]];
  return { name, mtu, ends: [first, second] };
}

/** Each pair of addresses of two MPIP hosts between which packets get through in both directions. */
function pathsOf(topology: Topology, network: Network): PlannedPath[] {
  const hosts = topology.nodes.filter(({ mpip }) => mpip !== null);
  const paths: PlannedPath[] = [];
  for (const from of hosts) {
    for (const to of hosts) {
      if (from === to) continue;
      for (const start of network.stationsOf(from.name)) {
        for (const end of network.stationsOf(to.name)) {
          for (const source of start.addresses) {
            for (const destination of end.addresses) {
              if (source.family !== destination.family) continue;
              if (!network.reaches(start, end, source.family) || !network.reaches(end, start, source.family)) continue;
              const addresses = { source: source.address, destination: destination.address };
              paths.push({ from: from.name, to: to.name, ...addresses });
            }
          }
        }
      }
    }
  }
  return paths;
}
