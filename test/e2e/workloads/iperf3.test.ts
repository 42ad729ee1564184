import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { LabCommandError } from '../../../lab/error.js';
import { Lab } from '../../../lab/lab.js';
import { linksBetween } from '../../../lab/measure/links.js';
import { LinkSampler } from '../../../lab/measure/sampler.js';
import { readTopology } from '../../../lab/topology/read.js';
import { type Iperf3Workload, runIperf3 } from '../../../lab/workloads/iperf3.js';
import { Iperf3Error } from '../../../lab/workloads/iperf3-report.js';
import { listening } from '../../../lab/workloads/listening.js';
import { enableMptcp, endpointsFor, mptcpCounters, subflowsBetween } from '../../../lab/workloads/mptcp.js';

const TOPOLOGY = new URL('../../../lab/topologies/two-paths.yaml', import.meta.url);
const TARGET = '10.1.0.2';
const DOWNLOAD: Iperf3Workload = {
  name: 'download',
  type: 'iperf3',
  from: 'a',
  to: 'b',
  protocol: 'tcp',
  congestion: 'cubic',
  duration: 1,
  reverse: false,
  parallel: 1,
  rate: null,
};

/** Two links of 40 and 20 Mbit/s between plain hosts; transfers go over the first. */
describe('iperf3 in a lab', function () {
  this.timeout(60_000);
  let lab: Lab;
  before(async () => {
    lab = await Lab.up(await readTopology(fileURLToPath(TOPOLOGY)), { mpip: false });
  });
  after(() => lab?.down());

  const transfer = (
    change: Partial<Iperf3Workload>,
    run: { target?: string; signal?: AbortSignal; mptcp?: boolean } = {},
  ) =>
    runIperf3(
      { ...DOWNLOAD, ...change },
      { client: lab.node('a'), server: lab.node('b'), target: TARGET, mptcp: false, ...run },
    );

  const failureOf = async (run: Promise<unknown>): Promise<Error> => {
    const failure: unknown = await run.catch((error: unknown) => error);
    if (!(failure instanceof Error)) throw new Error('the transfer went through');
    return failure;
  };

  it('carries TCP in both directions, with the congestion control that was asked for', async () => {
    for (const [reverse, congestion] of [
      [false, 'cubic'],
      [true, 'reno'],
    ] as const) {
      const result = await transfer({ reverse, congestion });
      expect(result.metrics.received_bytes).to.be.greaterThan(1e6);
      expect(result.metrics.goodput_bps).to.be.below(40e6);
      expect(result.congestion).to.equal(congestion);
    }
  });

  it('moves so many bytes, all of which have come when it ends', async () => {
    const size = 2 << 20;
    const { metrics, congestion } = await transfer({ duration: null, size, reverse: true });
    expect(metrics.received_bytes).to.be.within(size, size + (128 << 10));
    // Not before the link has carried them.
    expect(metrics.duration_s).to.be.greaterThan((size * 8) / 40e6);
    expect(congestion).to.equal('cubic');
  });

  it('carries parallel flows, whose reports exceed what is kept of a process in memory', async () => {
    const { metrics, goodput } = await transfer({ parallel: 64, duration: 2 });
    expect(metrics.goodput_bps).to.be.within(1e6, 40e6);
    expect(goodput.length).to.be.greaterThan(0);
  });

  it('counts the UDP datagrams that do not fit the link as lost', async () => {
    const { metrics } = await transfer({ protocol: 'udp', rate: 80e6, parallel: 4 });
    expect(metrics.loss).to.be.within(0.2, 0.7);
    expect(metrics.goodput_bps).to.be.below(40e6);
  });

  it("fails with iperf3's own words", async () => {
    const congestion = await failureOf(transfer({ congestion: 'nosuch' }));
    expect(congestion).to.be.instanceOf(Iperf3Error);
    expect(congestion.message).to.include('iperf3 on a: unable to set TCP_CONGESTION').and.include('-C nosuch');
    const route = await failureOf(transfer({}, { target: '192.0.2.1' }));
    expect(route.message).to.include('unable to connect to server');
  });

  it('tells when the port of the server is taken', async () => {
    const node = lab.node('b');
    await using blocker = await node.spawn(['iperf3', '-s']);
    await listening(node, 5201, blocker);
    const failure = await failureOf(transfer({}));
    expect(failure.message)
      .to.match(/^(iperf3 on )?b: /)
      .and.include('Address already in use');
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    const running = transfer({ duration: 60 }, { signal: stop.signal });
    const node = lab.node('a');
    await using sampler = LinkSampler.start(lab.node('b'), ([path1]) => {
      if ((path1?.rate ?? 0) > 1e6) stop.abort(new Error('enough'));
    });
    expect((await failureOf(running)).message).to.equal('enough');
    expect(sampler.links).to.deep.equal(['path1', 'path2']);
    expect((await lab.node('b').exec(['ss', '-Hltn'])).stdout).to.equal('');
    // Exit status 1: no process of this name in the node's namespace.
    const left = await failureOf(node.exec(['sh', '-c', 'pgrep --ns $$ --nslist net -x iperf3']));
    expect(left).to.be.instanceOf(LabCommandError).with.property('exitCode', 1);
  });

  it('gives MPTCP one subflow for each link', async () => {
    const client = lab.node('a');
    const server = lab.node('b');
    await enableMptcp(client, server, endpointsFor(client.interfaces, server.interfaces, TARGET));
    const before = await mptcpCounters(client);
    await using sampler = LinkSampler.start(server);
    await transfer({ duration: 2 }, { mptcp: true });
    await sampler.stop();
    expect(subflowsBetween(before, await mptcpCounters(client), 2)).to.equal(2);
    for (const { name } of linksBetween(lab.plan, 'a', 'b')) {
      const readings = sampler.of(name);
      expect(readings.at(-1)!.bytes - readings[0]!.bytes, name).to.be.greaterThan(1e6);
    }
  });
});
