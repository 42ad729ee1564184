/** Gives every interface its addresses: those that the file names, the rest from the subnet of its segment. */
import type { IpPrefix } from '../../src/document/address.js';
import type { DocumentPath } from '../../src/document/positions.js';
import { contains, hostAddresses, isHostAddress, networkOf, overlap, prefixText, sameNetwork } from './prefix.js';
import type { Report } from './report.js';
import type { TopologyDocument } from './schema.js';
import type { Segment } from './segments.js';

/** A network of a segment, and where the file says so. */
interface PlacedNetwork {
  readonly network: IpPrefix;
  readonly path: DocumentPath;
}

/** An interface in a segment that takes addresses. */
interface Station {
  readonly link: string;
  /** 0 or 1. */
  readonly end: number;
  readonly node: string;
  readonly given: readonly IpPrefix[];
}

/** Addresses of the ends of each link, by its name. */
export type Addresses = ReadonlyMap<string, readonly [IpPrefix[], IpPrefix[]]>;

export function giveAddresses(document: TopologyDocument, segments: readonly Segment[], report: Report): Addresses {
  const addresses = new Map<string, readonly [IpPrefix[], IpPrefix[]]>();
  const taken: (PlacedNetwork & { segment: Segment })[] = [];
  for (const segment of segments) {
    for (const link of segment.links) addresses.set(link, [[], []]);
    const stations = stationsOf(document, segment, report);
    const networks = networksOf(document, segment, stations, report);
    for (const placed of networks) {
      const other = taken.find((known) => overlap(known.network, placed.network));
      if (other) {
        const where = other.segment.links.map((link) => `links.${link}`)[0];
        report(placed.path, `${prefixText(placed.network)} overlaps ${prefixText(other.network)} of ${where}`);
      } else taken.push({ ...placed, segment });
    }
    for (const [station, assigned] of assign(stations, networks, report)) {
      addresses.get(station.link)?.[station.end]?.push(...assigned);
    }
  }
  return addresses;
}

function stationsOf(document: TopologyDocument, segment: Segment, report: Report): Station[] {
  return segment.links.flatMap((name) => {
    const link = document.links[name];
    if (link === undefined) return [];
    const given = link.addresses ?? {};
    for (const node of Object.keys(given)) {
      const path = ['links', name, 'addresses', node];
      if (!link.ends.some((end) => end.node === node)) {
        report(path, `is no end of this link; its ends: ${link.ends.map((end) => end.node).join(', ')}`, 'key');
      } else if (document.nodes[node]?.kind === 'switch') report(path, 'a switch has no addresses', 'key');
    }
    return link.ends.flatMap(({ node }, end) =>
      document.nodes[node]?.kind === 'switch' ? [] : [{ link: name, end, node, given: given[node] ?? [] }],
    );
  });
}

/** The networks of a segment: those that the link or the switch names, else those of the addresses given. */
function networksOf(
  document: TopologyDocument,
  { links, switches }: Segment,
  stations: readonly Station[],
  report: Report,
): PlacedNetwork[] {
  const named: PlacedNetwork[] = [];
  let source: string | undefined;
  for (const node of switches) {
    const entry = document.nodes[node];
    if (entry?.kind !== 'switch' || entry.subnet === undefined) continue;
    const path = ['nodes', node, 'subnet'];
    if (source !== undefined) report(path, `the segment of this switch has its subnet at nodes.${source} already`);
    else named.push(...entry.subnet.map((network) => ({ network, path })));
    source ??= node;
  }
  for (const name of links) {
    const path = ['links', name, 'subnet'];
    const subnet = document.links[name]?.subnet;
    if (subnet === undefined) continue;
    named.push(...subnet.map((network) => ({ network, path })));
    const [first] = switches;
    if (first !== undefined) report(path, `belongs to the switch: write it as nodes.${first}.subnet`, 'key');
  }
  named.forEach(({ network, path }, index) => {
    const other = named.slice(0, index).find((before) => overlap(before.network, network));
    if (other) report(path, `${prefixText(network)} overlaps ${prefixText(other.network)} of the same subnet list`);
  });
  return named.length > 0 ? named : networksOfAddresses(stations, switches, report);
}

function networksOfAddresses(
  stations: readonly Station[],
  switches: readonly string[],
  report: Report,
): PlacedNetwork[] {
  const networks: PlacedNetwork[] = [];
  const without = stations.find(({ given }) => given.length === 0);
  if (without) {
    const anyone = stations.some(({ given }) => given.length > 0);
    const subnet = switches[0] === undefined ? `links.${without.link}.subnet` : `nodes.${switches[0]}.subnet`;
    const message = anyone
      ? `${without.node} gets no address; give one here, or all of them by ${subnet}`
      : `has no addresses; give ${subnet} (such as 10.1.0.0/24) or addresses here`;
    report(anyone ? ['links', without.link, 'addresses'] : ['links', without.link], message, 'key');
  }
  for (const { link, node, given } of stations) {
    for (const address of given) {
      const path = ['links', link, 'addresses', node];
      const network = networkOf(address);
      const near = networks.find((known) => overlap(known.network, network));
      if (near === undefined) networks.push({ network, path });
      else if (!sameNetwork(near.network, network)) {
        report(
          path,
          `${prefixText(address)} and the network ${prefixText(near.network)} overlap with unequal prefixes`,
        );
      }
    }
  }
  // Two ends without a network in common would never hear of each other.
  if (without === undefined) {
    for (const { network, path } of networks) {
      const inside = stations.filter(({ given }) => given.some((address) => contains(network, address)));
      if (inside.length >= 2 || stations.length < 2) continue;
      report(path, `no other end of the link has an address in ${prefixText(network)}`);
      break;
    }
  }
  return networks;
}

function assign(
  stations: readonly Station[],
  networks: readonly PlacedNetwork[],
  report: Report,
): Map<Station, IpPrefix[]> {
  const result = new Map<Station, IpPrefix[]>(stations.map((station) => [station, []]));
  const used = new Map<string, Station>();
  for (const station of stations) {
    for (const address of station.given) {
      const path = ['links', station.link, 'addresses', station.node];
      const home = networks.find(({ network }) => contains(network, address));
      const owner = used.get(address.address);
      if (home === undefined) {
        const allowed = networks.map(({ network }) => prefixText(network)).join(', ');
        report(path, `${prefixText(address)} is outside of the subnet; allowed: ${allowed}`);
      } else if (address.prefix !== home.network.prefix) {
        report(path, `${prefixText(address)} must have the prefix of its subnet: /${home.network.prefix}`);
      } else if (!isHostAddress(address)) {
        report(path, `${address.address} is the network's own or its broadcast address, which no interface can have`);
      } else if (owner) {
        report(path, `${address.address} is the address of ${owner.node} on links.${owner.link} already`);
      } else {
        used.set(address.address, station);
        result.get(station)?.push(address);
      }
    }
  }
  for (const { network, path } of networks) {
    const candidates = hostAddresses(network);
    for (const station of stations) {
      const own = result.get(station) ?? [];
      if (station.given.some((address) => contains(network, address))) continue;
      const free = nextFree(candidates, used);
      if (free === undefined) {
        report(path, `${prefixText(network)} has too few addresses for ${stations.length} interfaces`);
        break;
      }
      used.set(free.address, station);
      own.push(free);
    }
  }
  return result;
}

function nextFree(candidates: Generator<IpPrefix>, used: ReadonlyMap<string, Station>): IpPrefix | undefined {
  for (;;) {
    const { value, done } = candidates.next();
    if (done) return undefined;
    if (!used.has(value.address)) return value;
  }
}
