/** One arm of an experiment: a fresh lab, the workloads in it, and what was measured. */
import { type BackendName, Lab, type LabNode } from '../lab.js';
import { linksBetween, type ReceivingLink } from '../measure/links.js';
import { MpipSampler } from '../measure/mpip-sampler.js';
import { LinkSampler, type LiveRate } from '../measure/sampler.js';
import { throughputOf, type Window } from '../measure/throughput.js';
import type { Plan } from '../plan/plan.js';
import type { ArmResult, SeriesRecord } from '../results/document.js';
import { limit } from '../results/limit.js';
import { type Iperf3Workload, runIperf3 } from '../workloads/iperf3.js';
import { enableMptcp, endpointsFor, mptcpCounters, subflowsBetween } from '../workloads/mptcp.js';
import type { Arm } from './experiment.js';

export interface ArmRun {
  readonly arm: Arm;
  readonly plan: Plan;
  readonly workloads: readonly Iperf3Workload[];
  /** Seconds. */
  readonly duration: number;
  /** Seconds from the start until means count. */
  readonly settle: number;
  readonly backend?: BackendName;
  readonly signal?: AbortSignal;
  readonly onStep?: (title: string) => void;
  /** Parts of the lab's set-up, when they are done. */
  readonly onSetUp?: (title: string) => void;
  /** Several times a second while the workloads run. */
  readonly onLive?: (live: LiveRates) => void;
}

export interface LiveRates {
  /** Seconds since the workloads started. */
  readonly elapsed: number;
  readonly links: readonly LiveRate[];
}

export interface ArmOutcome {
  readonly result: ArmResult;
  /** Versions of the programs that took part. */
  readonly versions: Readonly<Record<string, string>>;
}

/** The nodes that a workload's bytes flow between. */
interface Flow {
  readonly sender: LabNode;
  readonly receiver: LabNode;
}

/** Brings the lab up, runs the workloads, takes it down. Throws LabError; when `signal` aborts, its reason. */
export async function runArm(run: ArmRun): Promise<ArmOutcome> {
  const { arm, plan, workloads, signal } = run;
  run.onStep?.('bringing the lab up');
  const options = {
    mpip: arm.mpip,
    onStep: ({ title }: { title: string }) => run.onSetUp?.(title),
    ...(run.backend === undefined ? {} : { backend: run.backend }),
  };
  await using lab = await Lab.up(plan, signal === undefined ? options : { ...options, signal });
  const main = workloads[0]!;
  const flow = flowOf(lab, main);
  const links = linksBetween(plan, flow.sender.name, flow.receiver.name);
  if (arm.mptcp) await prepareMptcp(lab, workloads);

  run.onStep?.(`running ${workloads.map(({ name }) => name).join(', ')}`);
  const client = lab.node(main.from);
  const before = arm.mptcp ? await mptcpCounters(client) : null;
  const daemon = flow.sender.mpip;
  await using mpip = daemon === undefined ? null : MpipSampler.start(() => daemon.status());
  let start = Number.POSITIVE_INFINITY;
  await using sampler = LinkSampler.start(flow.receiver, (live) => {
    const elapsed = performance.now() / 1000 - start;
    if (elapsed >= 0) run.onLive?.({ elapsed, links: live });
  });
  const transfers = await runAll(lab, run, () => {
    start = Math.min(start, performance.now() / 1000);
  });
  await sampler.stop();
  await mpip?.stop();

  const window: Window = { start, end: start + run.duration, settled: start + run.settle };
  const throughput = throughputOf(links, (link) => sampler.of(link), window);
  const series = [...throughput.series, ...(mpip === null ? [] : mpipSeries(mpip, links, window))];
  const metrics = { ...throughput.metrics };
  const versions: Record<string, string> = {};
  for (const { workload, transfer } of transfers) {
    for (const [name, value] of Object.entries(transfer.metrics)) metrics[`${workload.name}.${name}`] = value;
    series.push({ name: `${workload.name}.goodput`, unit: 'bit/s', points: transfer.goodput.map(([t, v]) => [t, v]) });
    versions.iperf3 = transfer.version.replace(/^iperf /, '');
  }
  if (before !== null) {
    metrics[`${main.name}.subflows`] = subflowsBetween(before, await mptcpCounters(client), links.length);
  }
  const mpipVersion = mpip?.last?.daemon.version;
  if (mpipVersion !== undefined) versions.mpip = mpipVersion;
  return { result: { label: arm.label, limit_bps: limitOf(arm, plan, main), metrics, series }, versions };
}

/** What the arm's links carry at most for a workload: plain IP has the first link alone. null when one is unlimited. */
export function limitOf(arm: Arm, plan: Plan, workload: Iperf3Workload): number | null {
  const [sender, receiver] = workload.reverse ? [workload.to, workload.from] : [workload.from, workload.to];
  const links = linksBetween(plan, sender, receiver);
  const used = arm.mpip || arm.mptcp ? links : links.slice(0, 1);
  const rates = used.map(({ rateBps }) => rateBps).filter((rate) => rate !== null);
  if (used.length === 0 || rates.length < used.length) return null;
  const settings = plan.nodes.find(({ name }) => name === sender)?.mpip?.settings;
  return limit(rates, {
    mtu: Math.min(...used.map(({ mtu }) => mtu)),
    ip: targetOf(plan, workload).includes(':') ? 6 : 4,
    transport: workload.protocol === 'udp' ? 'udp' : arm.mptcp ? 'mptcp' : 'tcp',
    mpip: arm.mpip ? { authenticated: settings?.authentication !== false } : null,
  });
}

/** The server's first address: the one on its first link. */
function targetOf(plan: Plan, { to }: Iperf3Workload): string {
  const address = plan.nodes.find(({ name }) => name === to)?.interfaces[0]?.addresses[0] ?? '';
  return address.replace(/\/\d+$/, '');
}

function flowOf(lab: Lab, { from, to, reverse }: Iperf3Workload): Flow {
  const [sender, receiver] = reverse ? [to, from] : [from, to];
  return { sender: lab.node(sender), receiver: lab.node(receiver) };
}

async function prepareMptcp(lab: Lab, workloads: readonly Iperf3Workload[]): Promise<void> {
  const pairs = new Map(workloads.map((workload) => [`${workload.from} ${workload.to}`, workload]));
  for (const workload of pairs.values()) {
    const client = lab.node(workload.from);
    const server = lab.node(workload.to);
    await enableMptcp(client, server, endpointsFor(client.interfaces, server.interfaces, targetOf(lab.plan, workload)));
  }
}

/** All at once; the first that fails ends the others. */
async function runAll(lab: Lab, { arm, workloads, signal }: ArmRun, onStart: () => void) {
  const failed = new AbortController();
  const either = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  const runs = workloads.map(async (workload, i) => {
    const client = lab.node(workload.from);
    const server = lab.node(workload.to);
    const target = targetOf(lab.plan, workload);
    const port = FIRST_PORT + i;
    try {
      const transfer = await runIperf3(workload, {
        client,
        server,
        target,
        mptcp: arm.mptcp,
        port,
        signal: either,
        onStart,
      });
      return { workload, transfer };
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(runs);
  signal?.throwIfAborted();
  failed.signal.throwIfAborted();
  return Promise.all(runs);
}

const FIRST_PORT = 5201;

/** What the sender's mpipd thought of its paths. */
function mpipSeries(mpip: MpipSampler, links: readonly ReceivingLink[], { start, end }: Window): SeriesRecord[] {
  return links.flatMap(({ name, senderInterface }) => [
    { name: `${name}.weight`, unit: '' as const, points: mpip.over(senderInterface, (p) => p.weight, start, end) },
    {
      name: `${name}.estimated_rate`,
      unit: 'bit/s' as const,
      points: mpip.over(senderInterface, (p) => p.rateBps, start, end),
    },
    {
      name: `${name}.queuing_delay`,
      unit: 's' as const,
      points: mpip.over(
        senderInterface,
        (p) => (p.queuingDelayUs === null ? null : p.queuingDelayUs / 1e6),
        start,
        end,
      ),
    },
  ]);
}
