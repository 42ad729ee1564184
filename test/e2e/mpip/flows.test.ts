import { expect } from 'chai';
import { MPIP } from '../../../lab/experiment/experiment.js';
import { limitOf } from '../../../lab/experiment/limit-of.js';
import { Lab } from '../../../lab/lab.js';
import { linksBetween } from '../../../lab/measure/links.js';
import { LinkSampler } from '../../../lab/measure/sampler.js';
import { throughputOf } from '../../../lab/measure/throughput.js';
import { type Iperf3Workload, runIperf3 } from '../../../lab/workloads/iperf3.js';
import { ADDRESS, FIG4A_RATES, twoHosts } from './hosts.js';
import { Stream } from './stream.js';

/** Seconds of a transfer, and those of its start in which congestion control and scheduler find their rates. */
const DURATION = 8;
const SETTLE = 3;

const DOWNLOAD: Iperf3Workload = {
  name: 'download',
  type: 'iperf3',
  from: 'a',
  to: 'b',
  protocol: 'tcp',
  congestion: 'cubic',
  duration: DURATION,
  reverse: false,
  parallel: 1,
  rate: null,
};

describe('applications on two hosts with mpipd', function () {
  this.timeout(120_000);

  describe('over paths of 40 and 20 Mbit/s', () => {
    let lab: Lab;
    before(async () => {
      lab = await Lab.up(twoHosts({ rates: FIG4A_RATES }));
    });
    after(() => lab?.down());

    /** Goodput once settled, as the receiver's application saw it, and each path's mean rate as its interfaces did, bit/s. */
    async function measure(change: Partial<Iperf3Workload>) {
      const workload = { ...DOWNLOAD, ...change };
      const [sender, receiver] = workload.reverse ? ['b', 'a'] : ['a', 'b'];
      const limit = limitOf(MPIP, lab.plan, workload)!;
      await using sampler = LinkSampler.start(lab.node(receiver));
      let start = 0;
      const { metrics, goodput } = await runIperf3(
        { ...workload, rate: workload.protocol === 'udp' ? UDP_SHARE * limit : null },
        {
          client: lab.node('a'),
          server: lab.node('b'),
          target: ADDRESS.b,
          mptcp: false,
          onStart: () => {
            start = performance.now() / 1000;
          },
        },
      );
      await sampler.stop();
      const settled = goodput.filter(([time]) => time >= SETTLE).map(([, rate]) => rate);
      const window = { start, settled: start + SETTLE, end: start + DURATION };
      const links = linksBetween(lab.plan, sender, receiver);
      const { metrics: rates } = throughputOf(links, (link) => sampler.of(link), window);
      const mean = settled.reduce((sum, rate) => sum + rate, 0) / settled.length;
      console.log(change, { limit, share: mean / limit, loss: metrics.loss, rates });
      return { limit, goodput: mean, loss: metrics.loss, rates };
    }

    /** UDP sends at this share of the limit. */
    const UDP_SHARE = 0.95;
    /** What is asked of the total leaves a path short by at most 5 % of both, which is a sixth of the slower one. */
    const PATH_SHARE = 0.8;

    function bothPathsCarry(rates: Readonly<Record<string, number>>): void {
      for (const path of ['path1', 'path2']) {
        expect(rates[`${path}.rate_bps`]! / rates[`${path}.capacity_bps`]!, path).to.be.greaterThan(PATH_SHARE);
      }
    }

    for (const [title, change] of [
      ['one TCP flow', {}],
      ['one TCP flow in the reverse direction, server to client,', { reverse: true }],
      ['4 parallel TCP flows', { parallel: 4 }],
    ] as const) {
      it(`${title} uses both paths and reaches 95 % of the limit`, async () => {
        const { goodput, limit, rates } = await measure(change);
        bothPathsCarry(rates);
        expect(goodput / limit).to.be.within(0.95, 1.01);
      });
    }

    for (const [title, reverse] of [
      ['client to server', false],
      ['server to client', true],
    ] as const) {
      it(`UDP at 95 % of the limit, ${title}, uses both paths and loses less than 0.5 %`, async () => {
        const { loss, goodput, limit, rates } = await measure({ protocol: 'udp', reverse });
        bothPathsCarry(rates);
        expect(loss).to.be.lessThan(0.005);
        expect(goodput / limit).to.be.within(UDP_SHARE - 0.005, UDP_SHARE + 0.005);
      });
    }
  });

  describe('over two paths as fast as the machine', () => {
    let lab: Lab;
    before(async () => {
      lab = await Lab.up(twoHosts());
    });
    after(() => lab?.down());

    for (const [title, from, to] of [
      ['client to server', 'a', 'b'],
      ['server to client', 'b', 'a'],
    ] as const) {
      it(`the SHA-256 of a TCP transfer of 1 GB over both, ${title}, is right`, async () => {
        const received = () => {
          const counters = new Map(
            lab
              .node(to)
              .counters()
              .map((own) => [own.interface, own.rxBytes]),
          );
          return [counters.get('eth0')!, counters.get('eth1')!];
        };
        const before = received();
        await using stream = await Stream.start(lab, {
          from,
          to,
          address: ADDRESS.b,
          listener: to === 'b' ? 'receiver' : 'sender',
          bytes: GIGABYTE,
        });
        const start = performance.now();
        expect((await stream.finished()).bytes).to.equal(GIGABYTE);
        const carried = received().map((bytes, i) => bytes - before[i]!);
        console.log((performance.now() - start) / 1000, carried);
        for (const bytes of carried) expect(bytes).to.be.greaterThan(GIGABYTE / 100);
      });
    }
  });
});

const GIGABYTE = 1e9;
