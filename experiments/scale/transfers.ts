/** What a number of TCP sessions carries over all paths of links without a limit, and what the daemons need for it. */

import type { StudyRun } from '../../lab/experiment/study.js';
import { Lab, type LabNode } from '../../lab/lab.js';
import { cpuSeconds } from '../../lab/measure/cpu.js';
import { type Iperf3Workload, runIperf3 } from '../../lab/workloads/iperf3.js';
import { CLIENT, planOf, SERVER, type Shape, TARGET } from './topology.js';

export const SESSIONS = [1, 4, 16, 64] as const;
const BITS_PER_GBIT = 1e9;

export interface TransferOutcome {
  readonly metrics: Record<string, number>;
  readonly versions: Record<string, string>;
}

export async function transfer(
  shape: Shape,
  { backend, signal, duration }: StudyRun,
  onStep: (title: string) => void,
): Promise<TransferOutcome> {
  const options = { ...(backend && { backend }), ...(signal && { signal }) };
  await using lab = await Lab.up(planOf(shape, 'transfer'), options);
  const [client, server] = [lab.node(CLIENT), lab.node(SERVER)];
  const metrics: Record<string, number> = {};
  let iperf3 = '';
  for (const sessions of SESSIONS) {
    onStep(`${sessions} sessions`);
    const flows = flowsOf(sessions, duration);
    const before = daemonSeconds(client, server);
    const run = { client, server, target: TARGET, mptcp: false, ...(signal && { signal }) };
    const result = await runIperf3(flows, run);
    const gbit = (result.metrics.received_bytes * 8) / BITS_PER_GBIT;
    metrics[`${flows.name}.goodput_bps`] = result.metrics.goodput_bps;
    metrics[`${flows.name}.cpu_per_gbit_s`] = (daemonSeconds(client, server) - before) / gbit;
    iperf3 = result.version.replace(/^iperf /, '');
  }
  const mpip = (await client.mpip?.status())?.daemon.version ?? '';
  return { metrics, versions: { iperf3, mpip } };
}

export function flowsOf(sessions: number, duration: number): Iperf3Workload {
  return {
    name: `sessions${sessions}`,
    type: 'iperf3',
    from: CLIENT,
    to: SERVER,
    protocol: 'tcp',
    congestion: 'cubic',
    duration,
    reverse: false,
    parallel: sessions,
    rate: null,
  };
}

/** CPU time of both daemons so far. */
function daemonSeconds(...hosts: readonly LabNode[]): number {
  return hosts.reduce((sum, { mpip }) => sum + cpuSeconds(mpip?.pid ?? 0), 0);
}
