/** Beyond the paper: how far the number of interfaces and sessions may grow. */
import { setMaxListeners } from 'node:events';
import { selectArms } from '../../lab/experiment/run.js';
import type { Study, StudyRun } from '../../lab/experiment/study.js';
import { type Calibration, forThisMachine } from '../../lab/lab.js';
import { calibrationRecord } from '../../lab/results/calibration.js';
import { judgeClaim } from '../../lab/results/claims.js';
import { type ArmResult, metricTable, type ResultDocument } from '../../lab/results/document.js';
import { describeMachine } from '../../lab/results/machine.js';
import { requireFor } from '../../lab/workloads/requirements.js';
import { scaleFigure } from './figure.js';
import { search } from './search.js';
import { planOf, type Shape } from './topology.js';
import { flowsOf, SESSIONS, transfer } from './transfers.js';

const MOST = 4;
const COUNTS = Array.from({ length: MOST }, (_, i) => i + 1);
const SHAPES: readonly Shape[] = COUNTS.flatMap((client) => COUNTS.map((server) => ({ client, server })));
const LARGEST: Shape = { client: MOST, server: MOST };

export const scale: Study = {
  id: 'scale',
  title: 'paths, throughput and CPU for 1 to 4 interfaces a host and 1 to 64 sessions',
  arms: SHAPES.map((shape) => ({ id: idOf(shape), label: labelOf(shape), mpip: true, mptcp: false })),
  shortArms: [idOf({ client: 1, server: 1 }), idOf({ client: 2, server: 2 }), idOf(LARGEST)],
  durations: { full: 5, short: 2 },
  headlines: [
    'paths.found',
    'paths.time_median_s',
    'paths.slowest_rtts',
    ...SESSIONS.map((sessions) => `sessions${sessions}.goodput_bps`),
    ...SESSIONS.map((sessions) => `sessions${sessions}.cpu_per_gbit_s`),
  ],
  plan: () => planOf(LARGEST, 'search'),
  figure: scaleFigure,
  run,
};

async function run(options: StudyRun): Promise<ResultDocument> {
  const { duration, observe } = options;
  const workloads = SESSIONS.map((sessions) => flowsOf(sessions, duration));
  await requireFor({ workloads, mptcp: false, plan: planOf(LARGEST, 'transfer'), backend: options.backend });
  const chosen = selectArms(scale, options.arms);
  // Each command in a lab listens to it.
  if (options.signal !== undefined) setMaxListeners(0, options.signal);
  const started = new Date().toISOString();
  const arms: Record<string, ArmResult> = {};
  const versions: Record<string, string> = { node: process.versions.node };
  const calibration: [arm: string, measured: Calibration][] = [];
  for (const arm of chosen) {
    const shape = SHAPES.find((own) => idOf(own) === arm.id)!;
    const observer = observe?.({ arm }) ?? {};
    observer.armStarts?.(arm);
    observer.step?.(arm, 'finding paths');
    const searched = await search(shape, options);
    calibration.push(...searched.calibration.map((measured): [string, Calibration] => [arm.id, measured]));
    const carried = await transfer(shape, options, (title) => observer.step?.(arm, title));
    Object.assign(versions, carried.versions);
    const interfaces = { 'client.interfaces': shape.client, 'server.interfaces': shape.server };
    const metrics = { ...interfaces, ...searched.metrics, ...carried.metrics };
    arms[arm.id] = { label: arm.label, limit_bps: null, metrics, series: [] };
    observer.armEnds?.(arm, arms[arm.id]!);
  }
  const table = metricTable({ arms, limit_bps: null });
  return {
    experiment: scale.id,
    title: scale.title,
    paper: null,
    topology: scale.id,
    started,
    duration_s: duration,
    settled_s: 0,
    machine: describeMachine(),
    versions,
    parameters: { 'congestion control': 'CUBIC' },
    arms,
    links: await linksOf(calibration),
    limit_bps: null,
    claims: chosen.flatMap(({ id }) => claimsOf(id)).map((claim) => judgeClaim(claim, table, [table])),
    unchecked_claims: [],
  };
}

/** The hand-shake takes one round trip, the probes of all paths at once another, and half of one more until the other host may send its own. */
function claimsOf(arm: string): string[] {
  return [`${arm}.paths.found == ${arm}.paths.expected`, `${arm}.paths.slowest_rtts <= 3`];
}

async function linksOf(calibration: readonly [arm: string, measured: Calibration][]): Promise<ResultDocument['links']> {
  const { links } = await forThisMachine(planOf(LARGEST, 'search'));
  return links.map(({ name, mtu, emulator, ends: [{ shaping, emulation }] }) => ({
    name,
    rate_bps: shaping?.rateBps ?? null,
    delay_s: (emulation?.delayUs ?? 0) / 1e6,
    mtu_bytes: mtu,
    queue_bytes: shaping?.limitBytes ?? null,
    emulator,
    calibration: calibration
      .filter(([, { link }]) => link === name)
      .map(([arm, measured]) => ({ arm, ...calibrationRecord(measured) })),
  }));
}

function idOf({ client, server }: Shape): string {
  return `c${client}s${server}`;
}

function labelOf({ client, server }: Shape): string {
  return `${client} x ${server}`;
}
