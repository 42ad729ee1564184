import { expect } from 'chai';
import { MPIP } from '../../../lab/experiment/experiment.js';
import { limitOf } from '../../../lab/experiment/limit-of.js';
import { Lab, readTopology } from '../../../lab/lab.js';
import { runIperf3 } from '../../../lab/workloads/iperf3.js';
import { livePaths, statusOf, TCP_FLOW } from './hosts.js';

const TOPOLOGY = new URL('../../../lab/topologies/shared-nics.yaml', import.meta.url).pathname;
const WORKLOAD = { ...TCP_FLOW, duration: 7 };
/** Seconds in which congestion control and scheduler find their rates. */
const SETTLE = 3;

describe('shared-NIC groups are known: four paths over two interfaces of either end', function () {
  this.timeout(60_000);

  it('are known as such at both ends, and TCP gets 95 % of what the interfaces carry', async () => {
    await using lab = await Lab.up(await readTopology(TOPOLOGY));
    await livePaths(lab, 4);
    for (const node of ['a', 'b']) {
      const { paths } = await statusOf(lab.node(node), (status) =>
        status.paths.some(({ destinationNic }) => destinationNic === null) ? 'a NIC is not told' : null,
      );
      const nics = new Map(paths.map(({ destination, destinationNic }) => [destination.address, destinationNic]));
      expect(new Set(nics.values()).size, node).to.equal(2);
      expect(new Set(paths.map((path) => `${path.interface} ${path.destinationNic}`)).size, node).to.equal(4);
    }
    const { goodput } = await runIperf3(WORKLOAD, {
      client: lab.node('a'),
      server: lab.node('b'),
      target: '10.3.0.1',
      mptcp: false,
    });
    const settled = goodput.filter(([time]) => time >= SETTLE).map(([, rate]) => rate);
    const mean = settled.reduce((sum, rate) => sum + rate, 0) / settled.length;
    expect(mean / limitOf(MPIP, lab.plan, WORKLOAD)!).to.be.within(0.95, 1.02);
  });
});
