/** One arm of an experiment: a fresh lab, the workloads and events in it, and what was measured. */
import { setMaxListeners } from 'node:events';
import { ControlError, type DaemonStatus } from '../../src/daemon/api.js';
import { linksBetween, type ReceivingLink } from '../measure/links.js';
import { type Measure, measured } from '../measure/measures.js';
import { MpipSampler } from '../measure/mpip-sampler.js';
import { REORDER_PERIOD_MS, reorderingOf } from '../measure/reordering.js';
import { ruleRatesOf } from '../measure/rule-rates.js';
import { LinkSampler, type LiveRate } from '../measure/sampler.js';
import { throughputOf, type Window } from '../measure/throughput.js';
import type { Plan } from '../plan/plan.js';
import type { Calibration } from '../relay/calibration/direction.js';
import type { ArmResult, SeriesRecord } from '../results/document.js';
import { Lab } from '../running/lab.js';
import type { MpipDaemon } from '../running/mpipd.js';
import type { BackendName } from '../topology/topology.js';
import { kindOf, type Workload } from '../workloads/kinds.js';
import { enableMptcp, endpointsFor, mptcpCounters, subflowsBetween } from '../workloads/mptcp.js';
import type { Flow, WorkloadOutcome } from '../workloads/workload.js';
import { planOf } from './arm-plan.js';
import { type LabEvent, runEvents } from './events.js';
import type { Arm } from './experiment.js';
import { endsOf, limitOf, targetOf } from './limit-of.js';
import { Start } from './start.js';
import { Turn } from './turns.js';

export interface ArmRun {
  readonly arm: Arm;
  /** Of the topology. */
  readonly plan: Plan;
  readonly workloads: readonly Workload[];
  readonly events: readonly LabEvent[];
  /** Seconds; null = until all workloads are done. */
  readonly duration: number | null;
  /** Seconds from the start until means count. */
  readonly settle: number;
  readonly measures: readonly Measure[];
  /** Seconds: width of the bins of rates. */
  readonly bin: number | undefined;
  /** Where commands of workloads and events run. */
  readonly directory: string;
  /** Default: as the topology says, else `netns`. */
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
  /** Seconds until all workloads were done. */
  readonly elapsed: number;
  /** Versions of the programs that took part. */
  readonly versions: Readonly<Record<string, string>>;
  /** Of all links of the arm's lab, before anything used them. */
  readonly calibration: readonly Calibration[];
  /** Of the workloads, by the names "<workload>-<file>". */
  readonly files: Readonly<Record<string, Uint8Array>>;
}

/** The workload whose links are measured: the first between two nodes. */
export function mainOf(workloads: readonly Workload[]): { workload: Workload; flow: Flow } | null {
  for (const workload of workloads) {
    const flow = kindOf(workload).flow(workload);
    if (flow !== null) return { workload, flow };
  }
  return null;
}

/** Brings the lab up, runs the workloads, takes it down. Throws LabError; when `signal` aborts, its reason. */
export async function runArm(run: ArmRun): Promise<ArmOutcome> {
  const { arm, workloads, signal } = run;
  const plan = planOf(arm, run.plan);
  run.onStep?.('bringing the lab up');
  const options = {
    calibrate: true,
    onStep: ({ title }: { title: string }) => run.onSetUp?.(title),
    ...(run.backend === undefined ? {} : { backend: run.backend }),
  };
  using turn = new Turn();
  await turn.alone(signal);
  await using lab = await Lab.up(plan, signal === undefined ? options : { ...options, signal });
  const main = mainOf(workloads);
  const ends = main === null ? null : endsOf(main.flow);
  const links = ends === null ? [] : linksBetween(plan, ends.sender, ends.receiver);
  if (arm.mptcp) await prepareMptcp(lab, workloads);
  await turn.share(signal);

  run.onStep?.(`running ${workloads.map(({ name }) => name).join(', ')}`);
  const counted = arm.mptcp && main?.flow.transport === 'tcp' ? lab.node(main.flow.client) : null;
  const before = counted && (await mptcpCounters(counted));
  const daemon = ends === null ? undefined : lab.node(ends.sender).mpip;
  await using mpip = daemon === undefined ? null : MpipSampler.start(statusOf(daemon, run.events));
  const receiving = ends === null ? undefined : lab.node(ends.receiver).mpip;
  await using reordering =
    receiving === undefined ? null : MpipSampler.start(statusOf(receiving, run.events), REORDER_PERIOD_MS);
  let start = Number.POSITIVE_INFINITY;
  const receiver = ends === null ? null : lab.node(ends.receiver);
  const onSample = (live: LiveRate[]): void => {
    const elapsed = performance.now() / 1000 - start;
    if (elapsed >= 0) run.onLive?.({ elapsed, links: live });
  };
  const places = links.map(({ name, at }) => ({ link: name, node: lab.node(at.node), interface: at.interface }));
  const period = run.bin === undefined ? undefined : (run.bin * 1000) / 2;
  await using sampler =
    receiver &&
    (places.length > 0 ? LinkSampler.startAt(places, onSample, period) : LinkSampler.start(receiver, onSample, period));
  const outcomes = await runAll(lab, run, (startMs) => {
    start = startMs / 1000;
  });
  const elapsed = performance.now() / 1000 - start;
  await sampler?.stop();
  await mpip?.stop();

  const end = start + Math.min(run.duration ?? elapsed, elapsed);
  await reordering?.stop();
  const settled = Math.min(run.settle, (end - start) / 2);
  const bins = run.bin === undefined ? {} : { bin: run.bin };
  const window: Window = { start, end, settled: start + settled, ...bins };
  const throughput =
    sampler === null || links.length === 0
      ? { series: [], metrics: {} }
      : throughputOf(links, (link) => sampler.of(link), window);
  const series = [...throughput.series, ...(mpip === null ? [] : mpipSeries(mpip, links, window))];
  const metrics: Record<string, number> = { ...throughput.metrics };
  const versions: Record<string, string> = {};
  const files: Record<string, Uint8Array> = {};
  for (const { workload, outcome } of outcomes) {
    const { name, at = 0 } = workload;
    for (const [metric, value] of Object.entries(outcome.metrics)) metrics[`${name}.${metric}`] = value;
    for (const { name: own, unit, points } of outcome.series) {
      series.push({ name: `${name}.${own}`, unit, points: points.map(([t, value]) => [t + at, value]) });
    }
    Object.assign(versions, outcome.versions);
    for (const [file, content] of Object.entries(outcome.files ?? {})) files[`${name}-${file}`] = content;
  }
  if (main !== null && reordering !== null) {
    const own = reorderingOf(main.workload.name, reordering.statuses(start, end));
    series.push(...own.series);
    Object.assign(metrics, own.metrics);
  }
  if (main !== null && mpip !== null) {
    const own = ruleRatesOf(main.workload.name, mpip.statuses(start, end), settled, end - start);
    series.push(...own.series);
    Object.assign(metrics, own.metrics);
  }
  Object.assign(metrics, measured(run.measures, series, settled));
  if (main !== null && counted !== null && before !== null) {
    // A transfer whose links change, or many short ones, cannot have all subflows all the time.
    const steady = run.events.length === 0 && main.workload.type === 'iperf3';
    const expected = steady ? linksJoining(plan, main.flow.client, main.flow.server) : 0;
    metrics[`${main.workload.name}.subflows`] = subflowsBetween(before, await mptcpCounters(counted), expected);
  }
  const mpipVersion = mpip?.last?.daemon.version;
  if (mpipVersion !== undefined) versions.mpip = mpipVersion;
  const limit_bps = main === null ? null : limitOf(arm, run.plan, main.workload);
  const result = { label: arm.label, limit_bps, metrics, series };
  return { result, elapsed, versions, calibration: lab.calibration ?? [], files };
}

/** How many links join two nodes directly: MPTCP has a subflow on each. */
function linksJoining({ links }: Plan, a: string, b: string): number {
  return links.filter(({ ends }) => ends.some(({ node }) => node === a) && ends.some(({ node }) => node === b)).length;
}

function hasLink({ links }: Plan, link: string): boolean {
  return links.some(({ name }) => name === link);
}

/** A daemon that events end is no failure of the run. */
function statusOf(daemon: MpipDaemon, events: readonly LabEvent[]): () => Promise<DaemonStatus | null> {
  if (!events.some(({ kind }) => kind === 'mpipd')) return () => daemon.status();
  return async () => {
    try {
      return await daemon.status();
    } catch (error) {
      if (error instanceof ControlError) return null;
      throw error;
    }
  };
}

async function prepareMptcp(lab: Lab, workloads: readonly Workload[]): Promise<void> {
  const flows = workloads
    .map((workload) => kindOf(workload).flow(workload))
    .filter((flow) => flow?.transport === 'tcp');
  const pairs = new Map(flows.map((flow) => [`${flow!.client} ${flow!.server}`, flow!]));
  for (const flow of pairs.values()) {
    const client = lab.node(flow.client);
    const server = lab.node(flow.server);
    await enableMptcp(client, server, endpointsFor(client.interfaces, server.interfaces, targetOf(lab.plan, flow)));
  }
}

interface Done {
  readonly workload: Workload;
  readonly outcome: WorkloadOutcome;
}

/** All at once, with the events; the first that fails ends the others. */
async function runAll(lab: Lab, run: ArmRun, onStart: (startMs: number) => void): Promise<Done[]> {
  const failed = new AbortController();
  const signal = run.signal === undefined ? failed.signal : AbortSignal.any([run.signal, failed.signal]);
  // Each workload, program and event listens to it.
  setMaxListeners(0, signal);
  const start = new Start(run.workloads.length, signal);
  const failing = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  };
  const workloads = run.workloads.map((workload, i) => failing(runOne(lab, run, workload, i, start, signal)));
  const over = new AbortController();
  const events = start.startMs.then(async (startMs) => {
    onStart(startMs);
    const waiting = AbortSignal.any([signal, over.signal]);
    const onEvent = ({ text }: LabEvent): void => run.onStep?.(text);
    const { directory } = run;
    const concerned = run.events.filter((event) => event.kind !== 'link' || hasLink(lab.plan, event.link));
    try {
      await runEvents(lab, concerned, { startMs, signal: waiting, directory, onEvent });
    } catch (error) {
      if (!over.signal.aborted) throw error;
    }
  });
  // Settled from now on: an event may fail while the workloads are awaited.
  const eventsDone = Promise.allSettled([failing(events)]);
  await Promise.allSettled(workloads);
  over.abort();
  await eventsDone;
  run.signal?.throwIfAborted();
  failed.signal.throwIfAborted();
  return Promise.all(workloads);
}

async function runOne(
  lab: Lab,
  { arm, directory, settle, duration, events }: ArmRun,
  workload: Workload,
  index: number,
  start: Start,
  signal: AbortSignal,
): Promise<Done> {
  const kind = kindOf(workload);
  const flow = kind.flow(workload);
  const outcome = await kind.run(workload, {
    lab,
    arm: arm.id,
    mptcp: arm.mptcp && flow?.transport === 'tcp',
    target: flow === null ? '' : targetOf(lab.plan, flow),
    addressOf: (server, client) => targetOf(lab.plan, { server, client, transport: 'tcp' }),
    port: FIRST_PORT + index,
    directory,
    settle: settleOf(workload, settle, duration),
    events: events.map(({ at }) => at - (workload.at ?? 0)),
    signal,
    ready: () => start.ready(workload.at ?? 0),
  });
  return { workload, outcome };
}

/** As for the links of an arm: at most half of the workload. */
function settleOf(workload: Workload, settle: number, whole: number | null): number {
  const { at = 0 } = workload;
  const lasts = kindOf(workload).duration(workload) ?? (whole === null ? settle * 2 : whole - at);
  return Math.min(Math.max(0, settle - at), lasts / 2);
}

const FIRST_PORT = 5201;

/** What the sender's mpipd thought of its paths. */
function mpipSeries(mpip: MpipSampler, links: readonly ReceivingLink[], { start, end }: Window): SeriesRecord[] {
  return links.flatMap(({ name, senderInterface }) =>
    senderInterface === null
      ? []
      : [
          {
            name: `${name}.weight`,
            unit: '' as const,
            points: mpip.over(senderInterface, (p) => p.weight, start, end),
          },
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
        ],
  );
}
