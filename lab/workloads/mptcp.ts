/**
 * The kernel's MPTCP at its best: one subflow for each disjoint path.
 *
 * Between hosts on several links of their own, the second link is announced by the server (endpoint `signal`): the client then
 * connects to an address that only its own interface on that link can reach, so strict source routing sends the subflow there. A `subflow`
 * endpoint at the client would join from that interface to the address already known, which lies on the first link: no route, no
 * subflow. Where the server has one address behind routers, it is the client's interfaces that differ: `subflow` endpoints there.
 * `fullmesh` adds subflows that share a link with others and compete with them (measured: 46 to 50 of 56 Mbit/s).
 */
import { LabError } from '../error.js';
import type { LabNode, NodeInterface } from '../running/node.js';

export interface MptcpEndpoint {
  /** Without prefix. */
  readonly address: string;
  readonly device: string;
  readonly kind: 'signal' | 'subflow';
}

export interface MptcpEndpoints {
  readonly client: readonly MptcpEndpoint[];
  readonly server: readonly MptcpEndpoint[];
}

/** Connections opened and subflows joined by a node's kernel since it came up. */
export interface MptcpCounters {
  readonly connections: number;
  readonly joins: number;
  readonly fallbacks: number;
}

/** The kernel's maximum of additional subflows (and of addresses that are taken from the peer) per connection. */
const MAX_SUBFLOWS = 8;

/** Endpoints that give one subflow for each path between the two, next to the connection's own to `target`. */
export function endpointsFor(
  client: readonly NodeInterface[],
  server: readonly NodeInterface[],
  target: string,
): MptcpEndpoints {
  const serverLinks = new Set(server.map(({ link }) => link));
  const direct = client.filter(({ link }) => serverLinks.has(link));
  const routed = client.filter(({ link }) => !serverLinks.has(link));
  const others = server.filter((device) => !hostAddresses(device).includes(target));
  // With a direct link the connection leaves by it; without one the first routed interface carries it.
  const joining = direct.length > 0 ? routed : routed.slice(1);
  return {
    client: joining.flatMap((device) => endpoint(device, target, 'subflow')),
    server: others.flatMap((device) => endpoint(device, target, 'signal')),
  };
}

/** Sets up both nodes. Throws LabCommandError. */
export async function enableMptcp(client: LabNode, server: LabNode, endpoints: MptcpEndpoints): Promise<void> {
  for (const [node, list] of [
    [client, endpoints.client],
    [server, endpoints.server],
  ] as const) {
    await node.exec(['sysctl', '-qw', 'net.mptcp.enabled=1']);
    const most = String(MAX_SUBFLOWS);
    await node.exec(['ip', 'mptcp', 'limits', 'set', 'subflow', most, 'add_addr_accepted', most]);
    for (const { address, device, kind } of list) {
      await node.exec(['ip', 'mptcp', 'endpoint', 'add', address, 'dev', device, kind]);
    }
  }
}

/** Reads the counters of a client. Throws LabCommandError. */
export async function mptcpCounters(node: LabNode): Promise<MptcpCounters> {
  const { stdout } = await node.exec(['cat', '/proc/net/netstat']);
  return parseCounters(stdout);
}

/** `/proc/net/netstat`: pairs of lines, names and values. */
export function parseCounters(netstat: string): MptcpCounters {
  const [names = [], values = []] = netstat
    .split('\n')
    .filter((line) => line.startsWith('MPTcpExt:'))
    .map((line) => line.split(' ').slice(1));
  const counter = (name: string): number => Number(values[names.indexOf(name)] ?? 0);
  return {
    connections: counter('MPCapableSYNACKRX'),
    joins: counter('MPJoinSynAckRx'),
    fallbacks: counter('MPCapableFallbackSYNACK') + counter('MPCapableFallbackACK'),
  };
}

/**
 * Subflows that each connection had between two readings. Throws LabError E_LAB_MPTCP when they are fewer than `expected`: a baseline
 * below its best proves nothing.
 */
export function subflowsBetween(before: MptcpCounters, after: MptcpCounters, expected: number): number {
  const connections = after.connections - before.connections;
  const joins = after.joins - before.joins;
  const subflows = connections === 0 ? 0 : 1 + joins / connections;
  if (subflows < expected || after.fallbacks > before.fallbacks) {
    const fallbacks = after.fallbacks - before.fallbacks;
    throw new LabError(
      'E_LAB_MPTCP',
      `MPTCP did not use all paths: ${connections} connections, ${joins} joins, ${fallbacks} fell back to TCP; ` +
        `expected ${expected} subflows a connection`,
    );
  }
  return subflows;
}

function endpoint(device: NodeInterface, target: string, kind: 'signal' | 'subflow'): MptcpEndpoint[] {
  const family = familyOf(target);
  const address = hostAddresses(device).find((candidate) => familyOf(candidate) === family);
  return address === undefined ? [] : [{ address, device: device.name, kind }];
}

function hostAddresses({ addresses }: NodeInterface): string[] {
  return addresses.map((address) => address.replace(/\/\d+$/, ''));
}

function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}
