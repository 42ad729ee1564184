import { insideStations, type Network } from '../topology/network.js';
import type { Firewall, TopologyNode } from '../topology/topology.js';
import type { PlannedNat } from './plan.js';

/** Of an idle mapping unless the file says otherwise: RFC 4787, REQ-5, and RFC 5382, REQ-5. */
const LIFETIME_UDP_S = 120;
const LIFETIME_TCP_S = 7440;

export function planNat({ name, nat }: TopologyNode, network: Network): PlannedNat | null {
  if (nat === null) return null;
  const { type, outside, lifetimeUs } = nat;
  const seconds = lifetimeUs === null ? null : Math.round(lifetimeUs / 1e6);
  return {
    type,
    outside,
    addresses: network
      .stationsOf(name)
      .filter((station) => station.interface === outside)
      .flatMap(ipv4),
    forwards: nat.forwards.flatMap(({ protocol, port, to, toPort }) => {
      const [address] = insideStations(network, name, outside, to).flatMap(ipv4);
      return address === undefined ? [] : [{ protocol, port, address, toPort }];
    }),
    lifetimeS: { udp: seconds ?? LIFETIME_UDP_S, tcp: seconds ?? LIFETIME_TCP_S },
  };
}

/** How connections are tracked: for as long as mappings live, and as strictly as the firewall wants. */
export function middleboxSysctls({ nat, firewall }: TopologyNode): [key: string, value: string][] {
  const settings: [string, string][] = [];
  if (nat !== null) {
    const seconds = nat.lifetimeUs === null ? null : Math.round(nat.lifetimeUs / 1e6);
    settings.push(
      ['net.netfilter.nf_conntrack_udp_timeout', String(seconds ?? LIFETIME_UDP_S)],
      ['net.netfilter.nf_conntrack_udp_timeout_stream', String(seconds ?? LIFETIME_UDP_S)],
      ['net.netfilter.nf_conntrack_tcp_timeout_established', String(seconds ?? LIFETIME_TCP_S)],
    );
  }
  // A NAT alone does not look at windows; what it calls invalid it cannot translate.
  if (firewall?.stateful) settings.push(['net.netfilter.nf_conntrack_tcp_be_liberal', '0']);
  else if (nat !== null) settings.push(['net.netfilter.nf_conntrack_tcp_be_liberal', '1']);
  return settings;
}

/** Whether a firewall drops packets of a protocol to a port. */
export function blocks(firewall: Firewall | null, protocol: 'udp' | 'tcp', port: number): boolean {
  if (firewall === null) return false;
  const matches = (flows: Firewall['block']): boolean =>
    flows.some(
      ({ protocol: own, ports }) => own === protocol && (ports === null || (ports[0] <= port && port <= ports[1])),
    );
  return matches(firewall.block) && !matches(firewall.allow);
}

function ipv4({ addresses }: { addresses: readonly { address: string; family: 4 | 6 }[] }): string[] {
  return addresses.filter(({ family }) => family === 4).map(({ address }) => address);
}
