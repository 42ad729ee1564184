import { expect } from 'chai';
import { MPIP } from '../../../lab/experiment/experiment.js';
import { limitOf } from '../../../lab/experiment/limit-of.js';
import { Lab } from '../../../lab/lab.js';
import { linksBetween } from '../../../lab/measure/links.js';
import { LinkSampler } from '../../../lab/measure/sampler.js';
import { throughputOf } from '../../../lab/measure/throughput.js';
import { type Iperf3Workload, runIperf3 } from '../../../lab/workloads/iperf3.js';
import { Service } from './exchanges.js';
import { ADDRESS, FIG4A_RATES, receivedBytes, statusOf, TCP_FLOW, twoHosts } from './hosts.js';
import { Stream } from './stream.js';

/** Seconds of a transfer's start in which congestion control and scheduler find their rates. */
const SETTLE = 3;

const GIGABYTE = 1e9;

/** UDP sends at this share of the limit. */
const UDP_SHARE = 0.95;

/** Goodput once settled, as the receiver's application saw it, and each path's mean rate as its interfaces did, bit/s. */
async function measure(lab: Lab, change: Partial<Iperf3Workload>) {
  const workload = { ...TCP_FLOW, ...change };
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
  const mean = settled.reduce((sum, rate) => sum + rate, 0) / settled.length;
  const window = { start, settled: start + SETTLE, end: start + metrics.duration_s };
  const links = linksBetween(lab.plan, sender, receiver);
  const { metrics: rates } = throughputOf(links, (link) => sampler.of(link), window);
  const shares = links.map(({ name }) => rates[`${name}.rate_bps`]! / rates[`${name}.capacity_bps`]!);
  return { ofLimit: mean / limit, loss: metrics.loss, leastPath: Math.min(...shares) };
}

describe('applications on two hosts with mpipd', function () {
  this.timeout(60_000);

  describe('over paths of 40 and 20 Mbit/s', () => {
    let lab: Lab;
    before(async () => {
      lab = await Lab.up(twoHosts({ rates: FIG4A_RATES }));
    });
    after(() => lab?.down());

    for (const [title, change] of [
      ['one TCP flow', {}],
      ['one TCP flow in the reverse direction, server to client,', { reverse: true }],
      ['4 parallel TCP flows', { parallel: 4 }],
    ] as const) {
      it(`${title} fills both paths within 5 % and reaches 95 % of the limit`, async () => {
        const { ofLimit, leastPath } = await measure(lab, change);
        expect(leastPath).to.be.within(0.95, 1.02);
        expect(ofLimit).to.be.within(0.95, 1.02);
      });
    }

    for (const [title, reverse] of [
      ['client to server', false],
      ['server to client', true],
    ] as const) {
      it(`UDP at 95 % of the limit, ${title}, takes both paths and loses less than 0.5 %`, async () => {
        const { ofLimit, leastPath, loss } = await measure(lab, { protocol: 'udp', reverse });
        expect(loss).to.be.lessThan(0.005);
        expect(ofLimit).to.be.within(UDP_SHARE - 0.01, UDP_SHARE + 0.01);
        // With the faster path full, this much is left for the slower one.
        expect(leastPath).to.be.greaterThan(0.8);
      });
    }
  });

  const DIRECTIONS = [
    ['client to server', 'a', 'b'],
    ['server to client', 'b', 'a'],
  ] as const;

  /** Sends so many bytes, whose hash the stream checks; resolves to what the receiver's interfaces got meanwhile. */
  async function transfer(lab: Lab, from: 'a' | 'b', to: 'a' | 'b', size: number): Promise<[number, number]> {
    await using stream = await Stream.start(lab, {
      from,
      to,
      address: ADDRESS.b,
      listener: to === 'b' ? 'receiver' : 'sender',
      bytes: size,
    });
    const before = receivedBytes(lab, to);
    const { bytes } = await stream.finished();
    expect(bytes).to.equal(size);
    const after = receivedBytes(lab, to);
    return [after[0] - before[0], after[1] - before[1]];
  }

  describe('over two paths of 500 Mbit/s', () => {
    let lab: Lab;
    before(async () => {
      lab = await Lab.up(twoHosts({ rates: [500e6, 500e6] }));
    });
    after(() => lab?.down());

    for (const [title, from, to] of DIRECTIONS) {
      it(`a TCP transfer of 1 GB, ${title}, takes both and has the right SHA-256`, async () => {
        expect(Math.min(...(await transfer(lab, from, to, GIGABYTE)))).to.be.greaterThan(GIGABYTE / 4);
      });
    }
  });

  // Where the processor is the bottleneck no path has a queue, and one of them may well be left alone.
  describe('over two paths as fast as the machine', () => {
    let lab: Lab;
    before(async () => {
      lab = await Lab.up(twoHosts());
    });
    after(() => lab?.down());

    for (const [title, from, to] of DIRECTIONS) {
      it(`a TCP transfer of 1 GB, ${title}, has the right SHA-256`, async () => {
        const [one, two] = await transfer(lab, from, to, GIGABYTE);
        expect(one + two).to.be.greaterThan(GIGABYTE);
      });
    }

    it('1,000 short TCP transfers and 1,000 UDP request-replies have the right SHA-256, and sockets get nothing else', async () => {
      await using service = await Service.start(lab, 'b');
      await service.serve({ client: 'a', addresses: [ADDRESS.b, '10.2.0.2'], tcp: 1000, udp: 1000 });
      expect(service.foreign).to.deep.equal([]);
      await statusOf(lab.node('a'), ({ sessions }) => {
        const mpip = sessions.filter(({ state }) => state === 'mpip').length;
        return mpip > 100 && mpip === sessions.length ? null : `${mpip} of ${sessions.length} sessions are MPIP`;
      });
    });
  });
});
