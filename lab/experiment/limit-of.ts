/** What the links of an arm carry at most for a workload. */
import { linksBetween } from '../measure/links.js';
import type { Plan } from '../plan/plan.js';
import { limit } from '../results/limit.js';
import { kindOf, type Workload } from '../workloads/kinds.js';
import type { Flow } from '../workloads/workload.js';
import type { Arm } from './experiment.js';

/** bit/s of payload; plain IP has the first link alone. null where a link is unlimited, or the workload does not take what it can get. */
export function limitOf(arm: Arm, plan: Plan, workload: Workload): number | null {
  const flow = kindOf(workload).flow(workload);
  if (flow === null || !flow.greedy) return null;
  const { sender, receiver } = endsOf(flow);
  const links = linksBetween(plan, sender, receiver);
  const used = arm.mpip || arm.mptcp ? links : links.slice(0, 1);
  const rates = used.map(({ rateBps }) => rateBps).filter((rate) => rate !== null);
  if (used.length === 0 || rates.length < used.length) return null;
  const settings = { ...plan.nodes.find(({ name }) => name === sender)?.mpip?.settings, ...arm.settings };
  return limit(rates, {
    mtu: Math.min(...used.map(({ mtu }) => mtu)),
    ip: targetOf(plan, flow).includes(':') ? 6 : 4,
    transport: flow.transport === 'udp' ? 'udp' : arm.mptcp ? 'mptcp' : 'tcp',
    mpip: arm.mpip ? { authenticated: settings.authentication !== false } : null,
  });
}

/** The nodes that a workload's bytes flow between. */
export function endsOf({ client, server, reverse }: Flow): { sender: string; receiver: string } {
  return reverse ? { sender: server, receiver: client } : { sender: client, receiver: server };
}

/** The server's first address on a link that it shares with the client; where there is none, its first. */
export function targetOf(plan: Plan, { client, server }: Flow): string {
  const interfaces = (name: string) => plan.nodes.find((node) => node.name === name)?.interfaces ?? [];
  const shared = new Set(interfaces(client).map(({ link }) => link));
  const addressed = interfaces(server).filter(({ addresses }) => addresses.length > 0);
  const chosen = addressed.find(({ link }) => shared.has(link)) ?? addressed[0];
  return (chosen?.addresses[0] ?? '').replace(/\/\d+$/, '');
}
