/** Figure 4(a): MPIP balances one TCP flow over two paths of 40 and 20 Mbit/s (paper, section 5.1.1). */

import { type Experiment, MPIP, MPTCP, PLAIN_IP } from '../lab/experiment/experiment.js';
import { throughputFigure } from '../lab/figures/throughput.js';

export const fig4a: Experiment = {
  id: 'fig4a',
  title: 'load balancing of one TCP flow over two paths',
  paper: 'Figure 4(a)',
  topology: new URL('../lab/topologies/two-paths.yaml', import.meta.url),
  arms: [{ ...PLAIN_IP, label: 'Plain IP on path 1' }, MPIP, MPTCP],
  subject: MPIP.id,
  workloads: (duration) => [
    {
      name: 'download',
      type: 'iperf3',
      from: 'a',
      to: 'b',
      protocol: 'tcp',
      congestion: 'cubic',
      duration,
      reverse: false,
      parallel: 1,
      rate: null,
    },
  ],
  durations: { full: 60, short: 12, settle: 10 },
  parameters: { 'congestion control': 'CUBIC', 'TCP flows': 1 },
  claims: [
    'mpip.path1.rate within 5% of mpip.path1.capacity',
    'mpip.path2.rate within 5% of mpip.path2.capacity',
    'mpip.download.goodput >= 95% * limit',
    'mpip.download.goodput >= 97% * mptcp.download.goodput',
    'mpip.download.goodput >= ip.download.goodput',
    'mptcp.download.subflows >= 2',
  ],
  figure: (document) => throughputFigure(document, { arms: ['mpip', 'mptcp', 'ip'], workload: 'download' }),
};
