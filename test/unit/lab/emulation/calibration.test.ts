import { expect } from 'chai';
import { Direction } from '../../../../lab/emulation/direction.js';
import { PacketQueue } from '../../../../lab/emulation/packet-queue.js';
import { Slots } from '../../../../lab/emulation/slots.js';
import { makePlan, parseTopology } from '../../../../lab/lab.js';
import { type Calibration, expectedOf, judge, probesFor } from '../../../../lab/relay/calibration/direction.js';

interface Truth {
  readonly rateBps?: number;
  readonly delayUs?: number;
  /** Share of the probes that are late, and by how much. */
  readonly late?: number;
  readonly lateUs?: number;
}

/** What the calibration says of a link that the file describes as `link` and that is in truth as `truth` says. */
function calibrate(link: string, truth: Truth = {}): Calibration {
  const text = `name: t\nnodes: { a: { kind: host }, b: { kind: host } }\nlinks:
  l: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24, ${link} }`;
  const planned = makePlan(parseTopology(text, 't.yaml')).links[0]!;
  const expected = expectedOf(planned, 0);
  const probes = probesFor(expected, 0);
  const frames = [...probes.delay, ...probes.rate];

  const slots = new Slots(8192);
  const settings = { ...planned.ends[0].emulation!, trace: null, rateBps: planned.ends[0].shaping?.rateBps ?? null };
  const { late = 0, lateUs = 0, ...actual } = truth;
  const direction = new Direction({ ...settings, ...actual }, slots, 0);
  const sentUs = new Float64Array(frames.length).fill(Number.NaN);
  const arrivedUs = new Float64Array(frames.length).fill(Number.NaN);
  const sequences = new Map<number, number>();
  const out = new PacketQueue();
  const collect = (untilUs: number): void => {
    for (direction.release(untilUs, out); out.length > 0; out.shift()) {
      const sequence = sequences.get(out.slot()) as number;
      if (Number.isNaN(arrivedUs[sequence]))
        arrivedUs[sequence] = out.time() + (sequence % 100 < late * 100 ? lateUs : 0);
      slots.release(out.slot());
    }
  };
  frames.forEach(({ atUs, bytes }, sequence) => {
    collect(atUs);
    const slot = slots.take();
    sequences.set(slot, sequence);
    sentUs[sequence] = atUs;
    direction.arrive(atUs, slot, bytes);
  });
  collect(60e6);
  return judge(expected, probes, { sentUs, arrivedUs });
}

describe('the calibration of a link', () => {
  for (const link of [
    'rate: 40mbit, delay: 10ms',
    'rate: 100mbit, delay: 400ms',
    'rate: 100mbit, delay: 1ms, limit: 3packets',
    'rate: 1mbit, delay: 20ms',
    'rate: 64kbit, delay: 20ms, limit: 2packets',
    'delay: 5ms',
    'rate: 20mbit, delay: 20ms, loss: 5%',
    'rate: 20mbit, delay: 20ms, loss: { model: gilbert-elliott, mean: 10%, burst: 5 }',
    'rate: 20mbit, delay: 20ms, reorder: 5%, duplicate: 5%',
    'rate: 20mbit, delay: 20ms, jitter: 2ms',
  ]) {
    it(`finds nothing wrong with a link that is as it should be: ${link}`, () => {
      const { faults, rateBps } = calibrate(link);
      expect(faults).to.deep.equal([]);
      const rate = /rate: (\d+)(k|m)bit/.exec(link);
      if (rate === null) expect(rateBps).to.equal(null);
      else if (!link.includes('jitter'))
        expect(rateBps! / (Number(rate[1]) * (rate[2] === 'k' ? 1e3 : 1e6))).to.be.closeTo(1, 0.005);
    });
  }

  it('measures the delay of a frame on the idle link', () => {
    const { delay } = calibrate('rate: 1mbit, delay: 20ms');
    expect(delay!.medianUs).to.be.closeTo(20_480, 1e-6);
  });

  it('tells a rate that is off by more than 2%, either way, and no other', () => {
    const [close, slow, fast] = [39.4e6, 39e6, 41e6].map((rateBps) =>
      calibrate('rate: 40mbit, delay: 10ms', { rateBps }),
    );
    expect(close!.faults).to.deep.equal([]);
    expect(slow!.faults).to.deep.equal(['rate 39.00 Mbit/s for 40.00 Mbit/s: off by 2.5%; at most 2.0% is allowed']);
    expect(fast!.faults).to.have.length(1);
  });

  it('tells a delay that is off by more than 0.5 ms', () => {
    expect(calibrate('delay: 10ms', { delayUs: 10_400 }).faults).to.deep.equal([]);
    expect(calibrate('delay: 10ms', { delayUs: 10_600 }).faults.join()).to.match(
      /^delay 10\.60 ms \(p99 10\.60 ms\) for 10\.00 ms: off by 0\.60 ms at the median/,
    );
  });

  it('tells late packets by the p99', () => {
    expect(calibrate('delay: 10ms', { late: 0.01, lateUs: 5000 }).faults).to.deep.equal([]);
    expect(calibrate('delay: 10ms', { late: 0.03, lateUs: 1500 }).faults).to.have.length(1);
    expect(calibrate('delay: 10ms', { late: 0.03, lateUs: 900 }).faults).to.deep.equal([]);
  });

  it('does not measure what a trace changes all the time', () => {
    const text = `name: t\nnodes: { a: { kind: host }, b: { kind: host } }\nlinks:
  l: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24, trace: lte.csv }`;
    const expected = expectedOf(makePlan(parseTopology(text, 't.yaml')).links[0]!, 0);
    expect(probesFor(expected, 0)).to.deep.equal({ delay: [], rate: [] });
  });

  it('is over within 2 s for any rate up to 100 Mbit/s and any delay up to 400 ms', () => {
    for (const rate of ['8kbit', '64kbit', '1mbit', '20mbit', '100mbit']) {
      const text = `name: t\nnodes: { a: { kind: host }, b: { kind: host } }\nlinks:
  l: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24, rate: ${rate}, delay: 400ms }`;
      const expected = expectedOf(makePlan(parseTopology(text, 't.yaml')).links[0]!, 0);
      for (let index = 0; index < 8; index++) {
        const { delay, rate: train } = probesFor(expected, index);
        const last = Math.max(...[...delay, ...train].map(({ atUs }) => atUs));
        // With the wait for what is on its way, and the start of the process.
        if (rate !== '8kbit') expect(last, rate).to.be.below(1_250_000);
      }
    }
  });
});
