import { expect } from 'chai';
import { MPIP } from '../../../lab/experiment/experiment.js';
import { limitOf } from '../../../lab/experiment/limit-of.js';
import { Lab, readTopology } from '../../../lab/lab.js';
import { type Iperf3Workload, runIperf3 } from '../../../lab/workloads/iperf3.js';
import { livePaths, statusOf, TCP_FLOW } from './hosts.js';

const TARGET = '10.3.0.1';
const DURATION = 7;
/** Seconds in which congestion control and scheduler find their rates. */
const SETTLE = 3;
const UDP_SHARE = 0.95;

/** Goodput once settled as a share of the limit, and the share of datagrams that was lost. */
async function measure(lab: Lab, protocol: 'tcp' | 'udp'): Promise<{ ofLimit: number; loss: number | null }> {
  const workload: Iperf3Workload = { ...TCP_FLOW, protocol, duration: DURATION };
  const limit = limitOf(MPIP, lab.plan, workload)!;
  const { goodput, metrics } = await runIperf3(
    { ...workload, rate: protocol === 'udp' ? UDP_SHARE * limit : null },
    { client: lab.node('a'), server: lab.node('b'), target: TARGET, mptcp: false },
  );
  const settled = goodput.filter(([time]) => time >= SETTLE).map(([, rate]) => rate);
  const mean = settled.reduce((sum, rate) => sum + rate, 0) / settled.length;
  return { ofLimit: mean / limit, loss: metrics.loss ?? null };
}

describe('shared-NIC groups are known: four paths over two interfaces of either end', function () {
  this.timeout(60_000);

  for (const [name, bottleneck] of [
    ['shared-nics', 'limited by the sender’s interfaces, 20 and 40 Mbit/s'],
    ['behind-nics', 'each with a bottleneck of its own behind fast interfaces, 60 Mbit/s together'],
  ] as const) {
    it(`${bottleneck}: both ends know the groups, TCP gets 95 % of the limit, UDP at 95 % loses less than 0.5 %`, async () => {
      await using lab = await Lab.up(
        await readTopology(new URL(`../../../lab/topologies/${name}.yaml`, import.meta.url).pathname),
      );
      await livePaths(lab, 4);
      for (const node of ['a', 'b']) {
        const { paths } = await statusOf(lab.node(node), (status) =>
          status.paths.some(({ destinationNic }) => destinationNic === null) ? 'a NIC is not told' : null,
        );
        const nics = new Map(paths.map(({ destination, destinationNic }) => [destination.address, destinationNic]));
        expect(new Set(nics.values()).size, node).to.equal(2);
        expect(new Set(paths.map((path) => `${path.interface} ${path.destinationNic}`)).size, node).to.equal(4);
      }
      const tcp = await measure(lab, 'tcp');
      const udp = await measure(lab, 'udp');
      expect(tcp.ofLimit, 'TCP').to.be.within(0.95, 1.02);
      expect(udp.loss, 'UDP').to.be.below(0.005);
      expect(udp.ofLimit, 'UDP').to.be.within(UDP_SHARE - 0.01, UDP_SHARE + 0.01);
    });
  }
});
