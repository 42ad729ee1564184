/** One TCP flow between two hosts without shaping: what the data path carries when the CPU is the limit. */
import { Lab, parseTopology } from '../lab/lab.js';
import { type Iperf3Workload, runIperf3 } from '../lab/workloads/iperf3.js';
import { enableMptcp, endpointsFor } from '../lab/workloads/mptcp.js';

const SECONDS = 5;
const TARGET = '10.1.0.2';
const BPS_PER_GBPS = 1e9;

const flow: Iperf3Workload = {
  name: 'flow',
  type: 'iperf3',
  from: 'a',
  to: 'b',
  protocol: 'tcp',
  congestion: 'cubic',
  duration: SECONDS,
  reverse: false,
  parallel: 1,
  rate: null,
};

function topology(paths: number): string {
  const links = Array.from(
    { length: paths },
    (_, i) => `  path${i + 1}: { ends: [a:eth${i}, b:eth${i}], subnet: 10.${i + 1}.0.0/24, offloads: true }`,
  );
  return [
    'name: bench',
    'nodes: { a: { kind: host, mpip: {} }, b: { kind: host, mpip: {} } }',
    'links:',
    ...links,
    '',
  ].join('\n');
}

/** Goodput, Gbit/s. */
async function measure(paths: number, arm: 'ip' | 'mpip' | 'mptcp'): Promise<number> {
  await using lab = await Lab.up(parseTopology(topology(paths), 'bench.yaml'), { mpip: arm === 'mpip' });
  const client = lab.node('a');
  const server = lab.node('b');
  const mptcp = arm === 'mptcp';
  if (mptcp) await enableMptcp(client, server, endpointsFor(client.interfaces, server.interfaces, TARGET));
  const { metrics } = await runIperf3(flow, { client, server, target: TARGET, mptcp });
  return metrics.goodput_bps / BPS_PER_GBPS;
}

export default {
  title: 'one TCP flow, CUBIC, no shaping, both daemons and both ends of iperf3 on this machine',
  unit: 'Gbit/s',
  better: 'higher',
  peer: 'plain IP',
  rounds: 3,
  cases: {
    'plain IP': () => measure(1, 'ip'),
    'MPIP, one path': () => measure(1, 'mpip'),
    'MPIP, two paths': () => measure(2, 'mpip'),
    'MPTCP, two paths': () => measure(2, 'mptcp'),
  },
};
