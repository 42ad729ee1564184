import { expect } from 'chai';
import { Lab } from '../../../lab/lab.js';
import { runIperf3 } from '../../../lab/workloads/iperf3.js';
import { enableMptcp, endpointsFor, mptcpCounters, subflowsBetween } from '../../../lab/workloads/mptcp.js';
import { ADDRESS, daemonOf, FIG4A_RATES, receivedBytes, TCP_FLOW, twoHosts } from './hosts.js';

/** Seconds: a subflow joins once the first data has been acknowledged. */
const DURATION = 4;
const SECOND_ADDRESS = '10.2.0.2';
/** What either subflow carries at least, when both are used. */
const LEAST_BYTES = 500e3;
const IPERF3_PORT = 5201;

describe('MPTCP over MPIP', function () {
  this.timeout(60_000);

  let lab: Lab;
  before(async () => {
    lab = await Lab.up(twoHosts({ rates: FIG4A_RATES }));
    const [a, b] = [lab.node('a'), lab.node('b')];
    await enableMptcp(a, b, endpointsFor(a.interfaces, b.interfaces, ADDRESS.b));
  });
  after(() => lab?.down());

  it('with a subflow as a session: each one is a session of its own, which has all paths', async () => {
    const [a, b] = [lab.node('a'), lab.node('b')];
    const before = { counters: await mptcpCounters(a), bytes: receivedBytes(lab, 'b') };
    await runIperf3({ ...TCP_FLOW, duration: DURATION }, { client: a, server: b, target: ADDRESS.b, mptcp: true });
    expect(subflowsBetween(before.counters, await mptcpCounters(a), 2)).to.equal(2);
    const { sessions, paths } = await daemonOf(a).status();
    // A subflow that joins through the announced address comes from the interface on its link.
    for (const address of [ADDRESS.b, SECOND_ADDRESS]) {
      const own = sessions.filter(
        ({ destination, sentBytes }) =>
          destination.address === address && destination.port === IPERF3_PORT && sentBytes > LEAST_BYTES,
      );
      expect(
        own.map(({ state }) => state),
        `sessions to ${address}`,
      ).to.deep.equal(['mpip']);
    }
    const live = paths.filter(({ state }) => state === 'live');
    expect(live).to.have.length(2);
    const bytes = receivedBytes(lab, 'b');
    const total = bytes[0] + bytes[1] - before.bytes[0] - before.bytes[1];
    for (const i of [0, 1]) expect((bytes[i]! - before.bytes[i]!) / total).to.be.greaterThan(0.1);
  });
});
