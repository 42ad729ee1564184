import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { failureOf, resultOf } from '../../../../lab/workloads/iperf3-report.js';

/** Reports of iperf3 3.12 over one link of 40 Mbit/s; "server-" ones are those of the same transfers' servers. */
const report = (name: string): string => readFileSync(new URL(`iperf3/${name}.json`, import.meta.url), 'utf8');
const withoutReport = JSON.stringify({ start: { version: 'iperf 3.12', connected: [] }, intervals: [], end: {} });

describe('report of iperf3: TCP', () => {
  const result = resultOf(report('tcp'), report('server-tcp'));

  it('gives the goodput that the receiver counted, not what the sender handed to its socket', () => {
    expect(result.metrics.goodput_bps / 1e6).to.be.closeTo(38.31, 0.005);
    expect(result.metrics.received_bytes).to.equal(9_690_016);
    expect(result.metrics.duration_s).to.be.closeTo(2.023, 0.001);
    expect(result.metrics.retransmissions).to.equal(0);
  });

  it('has neither loss nor jitter', () => {
    expect(result.metrics).to.not.have.any.keys('loss', 'jitter_s');
  });

  it('gives goodput over time from the receiver, without the short last interval', () => {
    expect(result.goodput).to.have.length(4);
    for (const [, rate] of result.goodput) expect(rate / 1e6).to.be.within(38.2, 38.6);
    expect(result.goodput.map(([time]) => Math.round(time * 100) / 100)).to.deep.equal([0.25, 0.75, 1.25, 1.75]);
  });

  it('tells version and congestion control', () => {
    expect(result.version).to.equal('iperf 3.12');
    expect(result.congestion).to.equal('cubic');
  });

  it('takes goodput over time from the client when the server sends', () => {
    const reverse = resultOf(report('tcp-reverse'), withoutReport);
    expect(reverse.metrics.goodput_bps / 1e6).to.be.closeTo(38.37, 0.005);
    expect(reverse.goodput).to.have.length(2);
  });

  it('adds up the retransmissions of parallel flows', () => {
    const { end } = JSON.parse(report('tcp-parallel'));
    const each = end.streams.map(({ sender }: { sender: { retransmits: number } }) => sender.retransmits);
    expect(each).to.have.length(4);
    const { metrics } = resultOf(report('tcp-parallel'), withoutReport);
    expect(metrics.retransmissions).to.equal(each.reduce((sum: number, n: number) => sum + n, 0));
  });
});

describe('report of iperf3: UDP', () => {
  it('gives the share of datagrams that were lost', () => {
    const { metrics } = resultOf(report('udp-loss'), report('server-udp-loss'));
    expect(metrics.loss).to.be.closeTo(1322 / 4865, 1e-9);
    expect(metrics.goodput_bps / 1e6).to.be.closeTo(38.98, 0.005);
    expect(metrics.jitter_s).to.be.closeTo(298e-6, 1e-6);
    expect(metrics).to.not.have.property('retransmissions');
  });

  it('gives no loss where nothing was lost, in both directions', () => {
    for (const name of ['udp', 'udp-reverse']) {
      expect(resultOf(report(name), withoutReport).metrics.loss, name).to.equal(0);
    }
  });

  it('gives what arrived over time, not what was sent', () => {
    const { goodput } = resultOf(report('udp-loss'), report('server-udp-loss'));
    expect(goodput).to.have.length(2);
    for (const [, rate] of goodput) expect(rate / 1e6).to.be.within(38, 40);
  });
});

describe('report of iperf3: failures', () => {
  it('are found in the report, since iperf3 exits with 0', () => {
    expect(failureOf(report('refused'))).to.equal('unable to connect to server: Connection refused');
    expect(failureOf(report('no-such-congestion'))).to.include('unable to set TCP_CONGESTION: Supplied congestion');
  });

  it('are none in sound reports', () => {
    for (const name of ['tcp', 'server-tcp', 'tcp-reverse', 'udp', 'udp-loss', 'server-udp-loss']) {
      expect(failureOf(report(name)), name).to.equal(null);
    }
  });

  it('are reports that are missing, cut off, of another program or without a result', () => {
    expect(failureOf('')).to.equal('it wrote no report');
    expect(failureOf(report('tcp').slice(0, 500))).to.include('its report is no JSON');
    expect(failureOf('{"end":{}}')).to.include('not that of iperf3').and.include('start');
    expect(failureOf(withoutReport)).to.equal('the report has no result');
  });
});
