/** What the links of an arm carry at most for a workload. */
import { capacityOf } from '../plan/capacity.js';
import type { Plan } from '../plan/plan.js';
import { destinationsOf, mpipWays, reversed, type Way, type WayFlow, waysBetween, wayTo } from '../plan/ways.js';
import { limit } from '../results/limit.js';
import { kindOf, type Workload } from '../workloads/kinds.js';
import type { Flow } from '../workloads/workload.js';
import type { Arm } from './experiment.js';

/** No port of a workload has a rule of its own. */
const ANY_PORT = 0;

/** bit/s of payload; plain IP has the way to the target alone; `whole`: of the topology. null where a way is unlimited, or the workload does not take what it can get. */
export function limitOf(arm: Arm, whole: Plan, workload: Workload): number | null {
  const { plan = whole } = arm;
  const flow = kindOf(workload).flow(workload);
  if (flow === null || !flow.greedy) return null;
  const ways = waysOf(arm, plan, flow);
  const capacity = capacityOf(ways);
  if (capacity === null) return null;
  const { sender } = endsOf(flow);
  const settings = { ...plan.nodes.find(({ name }) => name === sender)?.mpip?.settings, ...arm.settings };
  return limit([capacity], {
    mtu: Math.min(...ways.flatMap(({ hops }) => hops.map(({ link }) => link.mtu))),
    ip: targetOf(plan, flow).includes(':') ? 6 : 4,
    transport: flow.transport === 'udp' ? 'udp' : arm.mptcp ? 'mptcp' : 'tcp',
    mpip: arm.mpip ? { authenticated: settings.authentication !== false, by: wrapperOf(ways) } : null,
  });
}

/** A session's packets are as short on all paths as on the narrowest: one by TCP has 12 bytes less to give. */
function wrapperOf(ways: readonly Way[]): 'udp' | 'tcp' {
  return ways.some(({ flow }) => flow.protocol === 'tcp') ? 'tcp' : 'udp';
}

/** The ways that an arm has for the bytes of a workload. */
function waysOf(arm: Arm, plan: Plan, flow: Flow): Way[] {
  const { client, server, reverse } = flow;
  const plain = plainOf(flow);
  const one = (): Way[] => {
    const way = wayTo(plan, client, server, null, targetOf(plan, flow), plain);
    return way === null ? [] : [way];
  };
  const many = (): Way[] => (arm.mpip ? mpipWays(plan, client, server) : waysBetween(plan, client, server, plain));
  const ways = arm.mpip || arm.mptcp ? many() : one();
  return reverse ? ways.map(reversed) : ways;
}

/** The nodes that a workload's bytes flow between. */
export function endsOf({ client, server, reverse }: Flow): { sender: string; receiver: string } {
  return reverse ? { sender: server, receiver: client } : { sender: client, receiver: server };
}

/** Whether the client reaches the server. */
export function hasWay(plan: Plan, flow: Flow): boolean {
  return wayTo(plan, flow.client, flow.server, null, targetOf(plan, flow), plainOf(flow)) !== null;
}

/**
 * The server's first address on a link that it shares with the client; where there is none, the first that the client has a way to: its own,
 * or that of a NAT which forwards to it.
 */
export function targetOf(plan: Plan, flow: Pick<Flow, 'client' | 'server' | 'transport'>): string {
  const { client, server } = flow;
  const interfaces = (name: string) => plan.nodes.find((node) => node.name === name)?.interfaces ?? [];
  const shared = new Set(interfaces(client).map(({ link }) => link));
  const near = interfaces(server).filter(({ link }) => shared.has(link));
  const direct = near.flatMap(({ addresses }) => addresses.map((address) => address.replace(/\/\d+$/, '')));
  const candidates = [...direct, ...destinationsOf(plan, server)];
  const plain = plainOf(flow);
  return (
    candidates.find((address) => wayTo(plan, client, server, null, address, plain) !== null) ?? candidates[0] ?? ''
  );
}

function plainOf({ transport }: Pick<Flow, 'transport'>): WayFlow {
  return { protocol: transport, port: ANY_PORT };
}
