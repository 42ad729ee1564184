/** NAT and firewalls of routers: from the document, and what a grammar cannot check about them. */
import { nearest } from '../../src/document/nearest.js';
import { insideStations, Network } from './network.js';
import type { Report } from './report.js';
import type { TopologyDocument } from './schema.js';
import type { Topology, TopologyNode } from './topology.js';

type NodeDocument = TopologyDocument['nodes'][string];

export function middleboxesOf(node: NodeDocument): Pick<TopologyNode, 'nat' | 'firewall'> {
  if (node.kind !== 'router') return { nat: null, firewall: null };
  const { nat, firewall } = node;
  return {
    nat:
      nat === undefined
        ? null
        : {
            type: nat.type,
            outside: nat.outside,
            forwards: (nat.forward ?? []).map(({ proto, port, to, toPort }) => ({
              protocol: proto,
              port,
              to,
              toPort: toPort ?? port,
            })),
            lifetimeUs: nat.lifetime ?? null,
          },
    firewall:
      firewall === undefined
        ? null
        : { block: firewall.block ?? [], allow: firewall.allow ?? [], stateful: firewall.stateful ?? false },
  };
}

/** `sound` is whether links and addresses are known to be in order; what follows from their problems is not told. */
export function checkMiddleboxes(document: TopologyDocument, topology: Topology, sound: boolean, report: Report): void {
  const network = new Network(topology);
  for (const [name, node] of Object.entries(document.nodes)) {
    if (node.kind !== 'router') continue;
    checkFirewall(name, node, report);
    if (checkOutside(name, node, document, network, sound, report))
      checkForwards(name, node, document, network, report);
  }
}

function checkFirewall(name: string, { firewall }: Router, report: Report): void {
  if (firewall === undefined) return;
  const path = ['nodes', name, 'firewall'];
  if (firewall.block === undefined && firewall.allow !== undefined) {
    report([...path, 'allow'], 'has no effect without block: all that is not blocked passes', 'key');
  } else if (firewall.block === undefined && firewall.stateful !== true) {
    report(path, 'does nothing; give it block (such as [udp]) or stateful: true', 'key');
  }
}

type Router = Extract<NodeDocument, { kind: 'router' }>;

/** False when forwards cannot be checked. */
function checkOutside(
  name: string,
  { nat }: Router,
  { links }: TopologyDocument,
  network: Network,
  sound: boolean,
  report: Report,
): boolean {
  if (nat === undefined) return false;
  const path = ['nodes', name, 'nat', 'outside'];
  const names = Object.values(links).flatMap(({ ends }) =>
    ends.filter(({ node }) => node === name).map((end) => end.interface),
  );
  if (!names.includes(nat.outside)) {
    const meant = nearest(nat.outside, names);
    const hint = meant === undefined ? ';' : `, did you mean ${JSON.stringify(meant)}?`;
    const interfaces = names.length === 0 ? 'it has none' : `interfaces: ${names.join(', ')}`;
    report(path, `${JSON.stringify(nat.outside)} is no interface of ${name}${hint} ${interfaces}`);
    return false;
  }
  if (!sound) return false;
  const own = network.stationsOf(name);
  const outside = own.find((station) => station.interface === nat.outside);
  if (!outside?.addresses.some(({ family }) => family === 4)) {
    report(path, `${nat.outside} has no IPv4 address, which is what NAT puts in the place of others`);
    return false;
  }
  if (own.length < 2) {
    report(path, `${nat.outside} is the only interface of ${name}: nothing is inside`);
    return false;
  }
  return true;
}

function checkForwards(
  name: string,
  { nat }: Router,
  { nodes }: TopologyDocument,
  network: Network,
  report: Report,
): void {
  const taken = new Map<string, number>();
  (nat?.forward ?? []).forEach(({ proto, port, to }, index) => {
    const path = ['nodes', name, 'nat', 'forward', index];
    const key = `${proto} ${port}`;
    const other = taken.get(key);
    if (other !== undefined)
      report([...path, 'port'], `${proto} port ${port} is forwarded by forward[${other}] already`);
    else taken.set(key, index);
    if (!(to in nodes)) {
      const meant = nearest(to, Object.keys(nodes));
      const hint = meant === undefined ? ';' : `, did you mean ${JSON.stringify(meant)}?`;
      report([...path, 'to'], `unknown node ${JSON.stringify(to)}${hint} nodes: ${Object.keys(nodes).join(', ')}`);
    } else if (insideStations(network, name, nat?.outside ?? '', to).length === 0) {
      report([...path, 'to'], `${to} has no IPv4 address behind ${name}: forwards lead inside`);
    }
  });
}
