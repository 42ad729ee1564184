/** The layer 3 view of a topology: segments, the interfaces on them, and how far routers carry a packet between them. */
import type { IpPrefix } from '../../src/document/address.js';
import { contains, networkOf, prefixText, sameNetwork } from './prefix.js';
import { findSegments } from './segments.js';
import type { Topology } from './topology.js';

export type Family = 4 | 6;

/** An interface with addresses. */
export interface Station {
  readonly node: string;
  readonly interface: string;
  /** Index of its segment. */
  readonly segment: number;
  readonly addresses: readonly IpPrefix[];
}

/** A way out of a node: one of its interfaces, and the router's address behind it. */
export interface NextHop {
  readonly station: Station;
  readonly source: IpPrefix;
  readonly router: string;
  readonly gateway: string;
  /** Routers on the way. */
  readonly hops: number;
}

export class Network {
  readonly stations: readonly Station[];
  readonly #networks: readonly IpPrefix[][];
  readonly #routers: ReadonlySet<string>;
  /** Outside interfaces of NATs, by router: from there nothing of IPv4 finds its way inside. */
  readonly #outside: ReadonlyMap<string, string>;
  readonly #distances = new Map<string, ReadonlyMap<string, number>>();

  constructor(topology: Topology) {
    const kinds = new Map(topology.nodes.map(({ name, kind }) => [name, kind]));
    const { segments } = findSegments(kinds, topology.links);
    this.#routers = new Set(topology.nodes.filter(({ kind }) => kind === 'router').map(({ name }) => name));
    this.#outside = new Map(topology.nodes.flatMap(({ name, nat }) => (nat === null ? [] : [[name, nat.outside]])));
    this.stations = topology.links.flatMap((link) => {
      const segment = segments.findIndex(({ links }) => links.includes(link.name));
      return link.ends.flatMap((end, index) => {
        const addresses = link.addresses[index] ?? [];
        return kinds.get(end.node) === 'switch' ? [] : [{ ...end, segment, addresses }];
      });
    });
    this.#networks = segments.map((_, index) => this.#networksOf(index));
  }

  stationsOf(node: string): Station[] {
    return this.stations.filter((station) => station.node === node);
  }

  /** Networks of one family that are not on the station's own segment, in the order of the file. */
  remoteNetworks(family: Family, { segment }: Station): { segment: number; network: IpPrefix }[] {
    return this.#networks.flatMap((networks, index) =>
      index === segment
        ? []
        : networks.filter((network) => network.family === family).map((network) => ({ segment: index, network })),
    );
  }

  networks(segment: number): readonly IpPrefix[] {
    return this.#networks[segment] ?? [];
  }

  /** The best router behind one interface on the way to a segment; undefined where there is none. */
  nextHop(station: Station, family: Family, segment: number): NextHop | undefined {
    const distances = this.#distancesTo(segment, family);
    let best: NextHop | undefined;
    for (const router of this.stations) {
      if (router.segment !== station.segment || router.node === station.node) continue;
      if (!this.#carries(router, family)) continue;
      const distance = distances.get(router.node);
      if (distance === undefined || (best && distance + 1 >= best.hops)) continue;
      const [source, gateway] = neighbours(station, router, family) ?? [];
      if (source && gateway) {
        best = { station, source, router: router.node, gateway: gateway.address, hops: distance + 1 };
      }
    }
    return best;
  }

  /** The routers between two interfaces, nearest first; undefined where there is no way. */
  routersBetween(from: Station, to: Station, family: Family): string[] | undefined {
    const routers: string[] = [];
    let starts: readonly Station[] = [from];
    while (!starts.some(({ segment }) => segment === to.segment)) {
      const hops = starts.map((start) => this.nextHop(start, family, to.segment));
      const [best] = hops.filter((hop) => hop !== undefined).sort((a, b) => a.hops - b.hops);
      if (best === undefined) return undefined;
      routers.push(best.router);
      starts = this.stationsOf(best.router);
    }
    return routers.length > 0 || neighbours(from, to, family) ? routers : undefined;
  }

  /** Whether what comes to an interface of a router goes on through it. */
  #carries({ node, interface: device }: Station, family: Family): boolean {
    return this.#routers.has(node) && !(family === 4 && this.#outside.get(node) === device);
  }

  /** Of each router: how many other routers lie between it and a segment (breadth first from the segment). */
  #distancesTo(segment: number, family: Family): ReadonlyMap<string, number> {
    const key = `${segment} ${family}`;
    const known = this.#distances.get(key);
    if (known) return known;
    const distances = new Map<string, number>();
    let border = [segment];
    const seen = new Set(border);
    for (let distance = 0; border.length > 0; distance++) {
      const reached = this.stations.filter(
        (station) =>
          this.#routers.has(station.node) &&
          border.includes(station.segment) &&
          !distances.has(station.node) &&
          station.addresses.some((address) => address.family === family),
      );
      for (const { node } of reached) distances.set(node, distance);
      const nodes = new Set(reached.map(({ node }) => node));
      const next = this.stations.filter(
        (station) => nodes.has(station.node) && !seen.has(station.segment) && this.#carries(station, family),
      );
      border = [...new Set(next.map(({ segment: index }) => index))];
      for (const index of border) seen.add(index);
    }
    this.#distances.set(key, distances);
    return distances;
  }

  #networksOf(segment: number): IpPrefix[] {
    const networks: IpPrefix[] = [];
    for (const { segment: index, addresses } of this.stations) {
      if (index !== segment) continue;
      for (const address of addresses) {
        if (!networks.some((known) => sameNetwork(known, address))) networks.push(networkOf(address));
      }
    }
    return networks;
  }
}

/** The interfaces of a node that a NAT has behind it, with IPv4 addresses. */
export function insideStations(network: Network, nat: string, outside: string, node: string): Station[] {
  const inner = network.stationsOf(nat).filter((station) => station.interface !== outside);
  return network
    .stationsOf(node)
    .filter(
      (station) =>
        node !== nat &&
        station.addresses.some(({ family }) => family === 4) &&
        inner.some((start) => start.segment === station.segment || network.nextHop(start, 4, station.segment)),
    );
}

/** A pair of addresses of two interfaces on one segment that share a network. */
function neighbours(a: Station, b: Station, family: Family): [IpPrefix, IpPrefix] | undefined {
  for (const own of a.addresses) {
    const other = b.addresses.find((address) => address.family === family && contains(networkOf(own), address));
    if (other) return [own, other];
  }
  return undefined;
}

export function networkText(prefix: IpPrefix): string {
  return prefixText(networkOf(prefix));
}
