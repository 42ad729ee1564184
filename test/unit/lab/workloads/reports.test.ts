import { expect } from 'chai';
import { LabError } from '../../../../lab/error.js';
import { metricsIn } from '../../../../lab/workloads/exec/report.js';
import { contentHash, contentOf } from '../../../../lab/workloads/http/content.js';
import { type HttpRequest, httpOutcome } from '../../../../lab/workloads/http/report.js';
import { pingCommand } from '../../../../lab/workloads/ping/ping.js';
import { pingOutcome } from '../../../../lab/workloads/ping/report.js';
import { udpEchoOutcome } from '../../../../lab/workloads/udp-echo/report.js';

describe('report of a UDP echo', () => {
  /** 10 datagrams of 100 bytes, 100 ms apart from 1 s on. */
  const sentUs = Array.from({ length: 10 }, (_, i) => 1e6 + i * 1e5);
  const after = (sequences: readonly number[], delayUs: number) => ({
    sequences: [...sequences],
    timesUs: sequences.map((sequence) => sentUs[sequence]! + delayUs),
  });
  const all = sentUs.map((_, i) => i);

  it('has no loss, no reordering and the gaps of the sending when all is well', () => {
    const { metrics } = udpEchoOutcome(100, { sentUs, echoes: after(all, 30_000) }, after(all, 10_000));
    expect(metrics).to.deep.include({ sent: 10, echoed: 10, loss: 0, forward_loss: 0, reordered: 0, duplicates: 0 });
    expect(metrics.rtt_median_s).to.equal(0.03);
    expect(metrics.forward_delay_max_s).to.equal(0.01);
    expect(metrics.forward_gap_s).to.be.closeTo(0.1, 1e-9);
  });

  it('tells loss on the way there from loss on the way back', () => {
    const there = all.filter((i) => i !== 3);
    const { metrics } = udpEchoOutcome(100, { sentUs, echoes: after(there.slice(0, 6), 0) }, after(there, 0));
    expect(metrics.forward_loss).to.be.closeTo(0.1, 1e-9);
    expect(metrics.loss).to.be.closeTo(0.4, 1e-9);
  });

  it('counts an outage that never ends, and one from the start, as a gap', () => {
    const dead = udpEchoOutcome(100, { sentUs, echoes: after([0, 1], 0) }, after([0, 1], 0));
    expect(dead.metrics.forward_gap_s).to.be.closeTo(0.8, 1e-9);
    const late = udpEchoOutcome(100, { sentUs, echoes: after([8, 9], 0) }, after([8, 9], 0));
    expect(late.metrics.backward_gap_s).to.be.closeTo(0.8, 1e-9);
    const silent = udpEchoOutcome(100, { sentUs, echoes: after([], 0) }, after([], 0));
    expect(silent.metrics).to.deep.include({ loss: 1, echoed: 0 });
    expect(silent.metrics.forward_gap_s).to.be.closeTo(0.9, 1e-9);
    expect(silent.metrics.rtt_median_s).to.equal(undefined);
  });

  it('counts a datagram as reordered when one with a higher number came before, and a second copy as a duplicate', () => {
    const sequences = [0, 2, 1, 3, 3, 5, 4, 6, 7, 8, 9];
    const server = { sequences, timesUs: sequences.map((_, i) => 1e6 + i * 1e5) };
    const { metrics } = udpEchoOutcome(100, { sentUs, echoes: after(all, 0) }, server);
    expect(metrics.reordered).to.be.closeTo(0.2, 1e-9);
    expect(metrics.duplicates).to.equal(1);
  });

  it('has series of goodput and round-trip time', () => {
    const { series } = udpEchoOutcome(100, { sentUs, echoes: after(all, 20_000) }, after(all, 10_000));
    expect(series.map(({ name }) => name)).to.deep.equal(['goodput', 'rtt']);
    expect(series[0]!.points).to.deep.equal([
      [0.25, 8000],
      [0.75, 8000],
    ]);
    expect(series[1]!.points).to.have.length(10);
  });
});

describe('report of HTTP requests', () => {
  const request = (start: number, end: number, change: Partial<HttpRequest> = {}): HttpRequest => ({
    start,
    firstByte: start + 0.1,
    end,
    bytes: 1000,
    intact: true,
    error: null,
    ...change,
  });

  it('has time to complete, goodput of all, and the time of each', () => {
    const requests = [request(0, 1), request(0, 2), request(1, 2)];
    const { metrics, series } = httpOutcome('page', { requests, received: [500, 1000, 1000, 500] });
    expect(metrics).to.deep.include({
      duration_s: 2,
      goodput_bps: 12_000,
      completed: 3,
      failed: 0,
      received_bytes: 3000,
    });
    expect(metrics).to.deep.include({ request_min_s: 1, request_median_s: 1, request_max_s: 2 });
    expect(metrics.first_byte_median_s).to.be.closeTo(0.1, 1e-9);
    expect(series[0]!.points).to.deep.equal([
      [0.25, 8000],
      [0.75, 16_000],
      [1.25, 16_000],
      [1.75, 8000],
    ]);
  });

  it('counts what was cut off as failed', () => {
    const cut = request(0, 1, { bytes: 10, intact: false, error: 'it was cut off' });
    const { metrics } = httpOutcome('page', { requests: [cut], received: [] });
    expect(metrics).to.deep.include({ completed: 0, failed: 1 });
    expect(metrics.request_median_s).to.equal(undefined);
  });

  it('ends the run when a whole file has other bytes', () => {
    const report = { requests: [request(0, 1, { intact: false })], received: [] };
    expect(() => httpOutcome('page', report)).to.throw(LabError, '1 of 1 files came with other bytes');
  });

  it('is about a file that size and seed make, and that no other size or seed makes', () => {
    const bytes = [...contentOf(200_000, 'x')].reduce((sum, block) => sum + block.length, 0);
    expect(bytes).to.equal(200_000);
    expect(contentHash(200_000, 'x')).to.equal(contentHash(200_000, 'x'));
    expect(new Set([contentHash(200_000, 'x'), contentHash(200_001, 'x'), contentHash(200_000, 'y')]).size).to.equal(3);
  });
});

describe('report of ping', () => {
  const OUTPUT = `PING 10.1.0.2 (10.1.0.2) 56(84) bytes of data.
64 bytes from 10.1.0.2: icmp_seq=1 ttl=64 time=0.040 ms
64 bytes from 10.1.0.2: icmp_seq=3 ttl=64 time=2.5 ms
64 bytes from 10.1.0.2: icmp_seq=3 ttl=64 time=2.9 ms (DUP!)
64 bytes from 10.1.0.2: icmp_seq=2 ttl=64 time=1.00 ms
From 10.1.0.1 icmp_seq=4 Destination Host Unreachable

--- 10.1.0.2 ping statistics ---
4 packets transmitted, 3 received, +1 duplicates, +1 errors, 25% packet loss, time 3004ms
rtt min/avg/max/mdev = 0.040/1.180/2.500/1.0 ms
`;

  it('has loss, duplicates and the distribution of round-trip times', () => {
    const { metrics, series } = pingOutcome(OUTPUT, 0.5);
    expect(metrics).to.deep.include({ sent: 4, received: 3, loss: 0.25, duplicates: 1 });
    expect(metrics).to.deep.include({ rtt_min_s: 0.00004, rtt_median_s: 0.001, rtt_max_s: 0.0025 });
    expect(series[0]!.points.map(([t]) => t)).to.deep.equal([0, 0.5, 1]);
  });

  it('knows that nothing came back, and what is no report', () => {
    const nothing = '2 packets transmitted, 0 received, 100% packet loss, time 1ms\n';
    expect(pingOutcome(nothing, 1).metrics).to.deep.equal({ sent: 2, received: 0, loss: 1, duplicates: 0 });
    expect(() => pingOutcome('ping: unknown host', 1)).to.throw(TypeError);
  });

  it('is asked for as many requests as fit the duration', () => {
    const ping = { name: 'p', type: 'ping', from: 'a', to: 'b', interval: 0.2, size: 100, duration: 3 } as const;
    expect(pingCommand(ping, '10.1.0.2').join(' ')).to.equal('ping -n -i 0.2 -c 15 -s 100 -W 2 10.1.0.2');
  });
});

describe('metrics in the JSON of a command', () => {
  it('are its numbers and truths, by their keys', () => {
    const json = { goodput_bps: 5, ok: true, text: 'x', nested: { 'a b': 1, list: [7, 8] }, '9': 2, none: null };
    expect(metricsIn(json)).to.deep.equal({
      _9: 2,
      goodput_bps: 5,
      ok: 1,
      'nested.a_b': 1,
      'nested.list._0': 7,
      'nested.list._1': 8,
    });
    expect(metricsIn(7)).to.deep.equal({});
  });
});
