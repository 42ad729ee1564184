/**
 * Static routes. Routers take the shortest way. Hosts follow the strict host model: what has an interface's address leaves by
 * that interface or not at all, so that two links are two links for every transport; and what has no address yet takes the nearest.
 */

import { type Family, type Network, type NextHop, networkText, type Station } from '../topology/network.js';
import type { TopologyNode } from '../topology/topology.js';
import type { PlannedRoute, PlannedRule } from './plan.js';

const FAMILIES: readonly Family[] = [4, 6];

/** Tables and rules of interfaces count from here; mpipd's come before them. */
const FIRST_TABLE = 20_000;
const FIRST_RULE = 20_000;
const FIRST_METRIC = 100;
const DEFAULT: Readonly<Record<Family, string>> = { 4: '0.0.0.0/0', 6: '::/0' };
/** Behind every other route of its table. */
const LAST_METRIC = 4_278_198_272;

export interface NodeRoutes {
  readonly routes: readonly PlannedRoute[];
  readonly rules: readonly PlannedRule[];
}

export function routesOf(node: TopologyNode, network: Network): NodeRoutes {
  const stations = network.stationsOf(node.name);
  switch (node.kind) {
    case 'switch':
      return { routes: [], rules: [] };
    case 'router':
      return { routes: mainRoutes(stations, network, 1), rules: [] };
    case 'host': {
      const main = mainRoutes(stations, network, stations.length);
      // A host with one interface has no other one to take.
      if (stations.length < 2) return { routes: main, rules: [] };
      const own = stations.map((station, index) => interfaceTable(station, network, FIRST_TABLE + index));
      const rules = own.flatMap((table) => table.rules);
      return {
        routes: [...main, ...own.flatMap((table) => table.routes)],
        rules: rules.map((rule, index) => ({ ...rule, priority: FIRST_RULE + index })),
      };
    }
  }
}

/** To every remote network: up to `alternatives` ways, nearest first, each one behind the other. */
function mainRoutes(stations: readonly Station[], network: Network, alternatives: number): PlannedRoute[] {
  const routes: PlannedRoute[] = [];
  for (const family of FAMILIES) {
    const own = new Set(stations.map(({ segment }) => segment));
    const segments = new Set(network.stations.map(({ segment }) => segment));
    for (const segment of segments) {
      if (own.has(segment)) continue;
      const hops = stations
        .map((station) => network.nextHop(station, family, segment))
        .filter((hop): hop is NextHop => hop !== undefined)
        .sort((a, b) => a.hops - b.hops)
        .slice(0, alternatives);
      for (const target of network.networks(segment).filter((prefix) => prefix.family === family)) {
        routes.push(
          ...hops.map((hop, index) => ({
            family,
            table: 'main' as const,
            to: networkText(target),
            interface: hop.station.interface,
            via: hop.gateway,
            source: null,
            metric: alternatives === 1 ? null : FIRST_METRIC + index,
          })),
        );
      }
    }
  }
  return routes;
}

/** The routing table of one interface, for what has its addresses. */
function interfaceTable(station: Station, network: Network, table: number): NodeRoutes {
  const routes: PlannedRoute[] = [];
  for (const address of station.addresses) {
    const base = { family: address.family, table, interface: station.interface, metric: null };
    routes.push({ ...base, to: networkText(address), via: null, source: address.address });
  }
  for (const family of FAMILIES.filter((own) => station.addresses.some((address) => address.family === own))) {
    for (const { segment, network: target } of network.remoteNetworks(family, station)) {
      const hop = network.nextHop(station, family, segment);
      if (hop === undefined) continue;
      const base = { family, table, interface: station.interface, metric: null };
      routes.push({ ...base, to: networkText(target), via: hop.gateway, source: hop.source.address });
    }
    const nowhere = { interface: null, via: null, source: null, metric: LAST_METRIC };
    routes.push({ family, table, to: DEFAULT[family], ...nowhere });
  }
  const rules = station.addresses.map(({ address, family }) => ({ family, priority: 0, from: address, table }));
  return { routes, rules };
}
