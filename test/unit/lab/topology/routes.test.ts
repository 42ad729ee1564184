import { expect } from 'chai';
import fc from 'fast-check';
import { makePlan, type Plan, type PlannedNode, parseTopology } from '../../../../lab/lab.js';
import { contains } from '../../../../lab/topology/prefix.js';

/** Links between routers and hosts by number: hosts are h0, h1, ...; routers r0, r1, ... */
const networks = fc
  .record({ hosts: fc.integer({ min: 2, max: 4 }), routers: fc.integer({ min: 1, max: 5 }) })
  .chain(({ hosts, routers }) => {
    const names = [...numbered('h', hosts), ...numbered('r', routers)];
    const pair = fc.uniqueArray(fc.constantFrom(...names), { minLength: 2, maxLength: 2 });
    return fc.record({ names: fc.constant(names), pairs: fc.array(pair, { minLength: 1, maxLength: 9 }) });
  });

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

function planOf({ names, pairs }: { names: string[]; pairs: string[][] }): Plan {
  const nodes = Object.fromEntries(names.map((name) => [name, { kind: name.startsWith('r') ? 'router' : 'host' }]));
  const links = Object.fromEntries(
    pairs.map((pair, index) => [
      `l${index}`,
      { ends: pair.map((node) => `${node}:eth${index}`), subnet: [`10.${index}.0.0/24`, `fd00:${index}::/64`] },
    ]),
  );
  return makePlan(parseTopology(JSON.stringify({ name: 't', nodes, links }), 't.yaml'));
}

/** Where a packet ends that leaves `from`: the nodes that it passes. Follows connected networks and planned routes as the kernel does. */
function follow(plan: Plan, from: PlannedNode, source: string, destination: string): string[] {
  const passed: string[] = [];
  const seen = new Set<string>();
  for (let node = from; ; ) {
    if (seen.has(node.name)) throw new Error(`loop at ${node.name}`);
    seen.add(node.name);
    passed.push(node.name);
    if (addressesOf(node).includes(destination)) return passed;
    if (node !== from && node.kind !== 'router') throw new Error(`${node.name} is no router`);
    const next = nextNode(plan, node, node === from ? source : undefined, destination);
    if (next === undefined) return [];
    node = next;
  }
}

function nextNode(plan: Plan, node: PlannedNode, source: string | undefined, destination: string) {
  const family = destination.includes(':') ? 6 : 4;
  const table = node.rules.find((rule) => rule.from === source)?.table ?? 'main';
  const planned = node.routes.filter((route) => route.table === table && route.family === family);
  const connected = node.interfaces.flatMap((device) =>
    device.addresses.map((to) => ({ to, interface: device.name, via: null, metric: null })),
  );
  const candidates = [...(table === 'main' ? connected : []), ...planned]
    .filter(({ to }) => matches(to, destination, family))
    .sort((a, b) => bits(b.to) - bits(a.to) || (a.metric ?? 0) - (b.metric ?? 0));
  const route = candidates[0];
  if (!route?.interface) return undefined;
  const link = plan.links.find(({ ends }) =>
    ends.some((end) => end.node === node.name && end.interface === route.interface),
  );
  const far = link?.ends.find((end) => end.node !== node.name);
  const neighbour = plan.nodes.find(({ name }) => name === far?.node);
  // The neighbour must be the one that the route means, or nobody answers.
  return neighbour && addressesOf(neighbour).includes(route.via ?? destination) ? neighbour : undefined;
}

function matches(to: string, address: string, family: 4 | 6): boolean {
  const [network = '', prefix] = to.split('/');
  if (network.includes(':') !== (family === 6)) return false;
  return contains({ address: network, family, prefix: Number(prefix) }, { address, family });
}

function bits(to: string): number {
  return Number(to.split('/')[1]);
}

function destinationsOf({ interfaces }: PlannedNode): { destination: string; link: string }[] {
  return interfaces.flatMap(({ addresses, link }) =>
    addresses.map((text) => ({ destination: text.replace(/\/\d+$/, ''), link })),
  );
}

/** Whether routers get to a link: one of the reached ones is at it (a host's far links are not reached through the host). */
function entered(pairs: string[][], link: string, reached: ReadonlySet<string>): boolean {
  const ends = pairs[Number(link.slice(1))] ?? [];
  return ends.some((name) => name.startsWith('r') && reached.has(name));
}

function addressesOf({ interfaces }: PlannedNode): string[] {
  return interfaces.flatMap(({ addresses }) => addresses.map((text) => text.replace(/\/\d+$/, '')));
}

/** Nodes that routers (and nobody else) connect to the far end of a node's link, without passing the node itself. */
function reachable(pairs: string[][], start: string, link: number): Set<string> {
  const first = pairs[link]?.find((name) => name !== start) as string;
  const reached = new Set([first]);
  for (const name of reached) {
    if (!name.startsWith('r')) continue;
    for (const pair of pairs) {
      if (!pair.includes(name)) continue;
      const other = pair.find((node) => node !== name) as string;
      if (other !== start) reached.add(other);
    }
  }
  return reached;
}

describe('planned routes', () => {
  it('lead from each address of a host to every node that its interface can reach, without a loop, and nowhere else', () => {
    fc.assert(
      fc.property(networks, (network) => {
        const plan = planOf(network);
        for (const host of plan.nodes.filter(({ kind, interfaces }) => kind === 'host' && interfaces.length > 1)) {
          for (const device of host.interfaces) {
            const reached = reachable(network.pairs, host.name, Number(device.link.slice(1)));
            for (const address of device.addresses) {
              const source = address.replace(/\/\d+$/, '');
              for (const other of plan.nodes.filter((node) => node !== host)) {
                for (const { destination, link } of destinationsOf(other)) {
                  if (destination.includes(':') !== source.includes(':')) continue;
                  const found =
                    link === device.link || (reached.has(other.name) && entered(network.pairs, link, reached));
                  const way = follow(plan, host, source, destination);
                  expect(way.at(-1), `${source} -> ${destination}`).to.equal(found ? other.name : undefined);
                }
              }
            }
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('lead from routers to every address that routers connect', () => {
    fc.assert(
      fc.property(networks, (network) => {
        const plan = planOf(network);
        for (const router of plan.nodes.filter(({ kind }) => kind === 'router')) {
          const links = network.pairs.flatMap((pair, index) => (pair.includes(router.name) ? [index] : []));
          const reached = new Set(links.flatMap((link) => [...reachable(network.pairs, router.name, link)]));
          for (const other of plan.nodes.filter(({ name }) => name !== router.name && reached.has(name))) {
            for (const { destination, link } of destinationsOf(other)) {
              if (!entered(network.pairs, link, new Set([...reached, router.name]))) continue;
              const way = follow(plan, router, '', destination);
              expect(way.at(-1), `${router.name} -> ${destination}`).to.equal(other.name);
            }
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});
