import { expect } from 'chai';
import { Direction, type DirectionSettings } from '../../../../lab/emulation/direction.js';
import { PacketQueue } from '../../../../lab/emulation/packet-queue.js';
import { Slots } from '../../../../lab/emulation/slots.js';
import { parseTrace } from '../../../../lab/emulation/trace-file.js';
import { makePlan, parseTopology } from '../../../../lab/lab.js';
import {
  type Calibration,
  expectedOf,
  judge,
  type Probes,
  type ProbeTimes,
  probesFor,
} from '../../../../lab/relay/calibration/direction.js';

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
  const settings = { ...planned.ends[0].emulation!, trace: null, rateBps: planned.ends[0].shaping?.rateBps ?? null };
  const { late = 0, lateUs = 0, ...actual } = truth;
  const slots = new Slots(8192);
  const times = carry(new Direction({ ...settings, ...actual }, slots, 0), slots, probes);
  for (let i = 0; i < times.arrivedUs.length; i++) if (i % 100 < late * 100) times.arrivedUs[i]! += lateUs;
  return judge(expected, probes, times);
}

/** Sends the probes through a direction. */
function carry(direction: Direction, slots: Slots, probes: Probes): ProbeTimes {
  const frames = [...probes.delay, ...probes.rate];
  const sentUs = new Float64Array(frames.length).fill(Number.NaN);
  const arrivedUs = new Float64Array(frames.length).fill(Number.NaN);
  const sequences = new Map<number, number>();
  const out = new PacketQueue();
  const collect = (untilUs: number): void => {
    for (direction.release(untilUs, out); out.length > 0; out.shift()) {
      const sequence = sequences.get(out.slot()) as number;
      if (Number.isNaN(arrivedUs[sequence])) arrivedUs[sequence] = out.time();
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
  return { sentUs, leftUs: sentUs, arrivedUs };
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

  it('shares its probes out among many directions, and is over in a few seconds for hundreds', () => {
    const text = `name: t\nnodes: { a: { kind: host }, b: { kind: host } }\nlinks:
  l: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24 }`;
    const expected = expectedOf(makePlan(parseTopology(text, 't.yaml')).links[0]!, 0);
    const count = 240;
    const times = Array.from({ length: count }, (_, index) => probesFor(expected, index, count).delay)
      .flat()
      .map(({ atUs }) => atUs);
    expect(times).to.have.length(count * 100);
    expect(Math.max(...times)).to.be.below(2e6);
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

/** How long before a frame entered the link its sender was called, and how long after that the call returned, us. */
interface Sending {
  readonly calledUs?: number;
  readonly firstCalledUs?: number;
  readonly tookUs?: number;
}

/** What the calibration says of a direction with a trace, `sinceUs` after that has started. */
function calibrateTrace(
  text: string,
  link = '',
  change: Partial<DirectionSettings> = {},
  sinceUs = 150_000,
  sending: Sending = {},
): Calibration {
  const trace = parseTrace(text);
  const document = `name: t\nnodes: { a: { kind: host }, b: { kind: host } }\nlinks:
  l: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24, trace: t.csv${link === '' ? '' : `, ${link}`} }`;
  const planned = makePlan(parseTopology(document, 't.yaml')).links[0]!;
  const expected = expectedOf(planned, 0);
  const originUs = -sinceUs;
  const probes = probesFor(expected, 0, 1, { trace, originUs });
  const settings = { ...planned.ends[0].emulation!, trace, rateBps: null, ...change };
  const slots = new Slots(8192);
  const { calledUs = 0, tookUs = 0, firstCalledUs = calledUs } = sending;
  const { sentUs, arrivedUs } = carry(new Direction(settings, slots, originUs), slots, probes);
  const times = {
    sentUs: sentUs.map((us, i) => us - (i === 0 ? firstCalledUs : calledUs)),
    leftUs: sentUs.map((us) => us + tookUs),
    arrivedUs,
  };
  return judge(expected, probes, times, { trace, originUs });
}

describe('the calibration of a link with a trace', () => {
  const steps = 'time,rate,delay\n0s,20mbit,30ms\n200ms,4mbit,80ms\n300ms,40mbit,5ms\n400ms,0\n430ms,10mbit,20ms\n1s\n';
  const ticks = Array.from({ length: 200 }, (_, i) => `${5 * i + ((i * 7) % 5) + 1}`).join('\n');

  for (const [title, text, link] of [
    ['that has steps, an outage and delays of its own', steps, ''],
    ['and a delay', steps, 'delay: 20ms'],
    ['and losses, reordering and duplicates', steps, 'delay: 20ms, loss: 3%, reorder: 3%, duplicate: 3%'],
    ['and a jitter', steps, 'delay: 20ms, jitter: 5ms'],
    ['and a short queue', steps, 'limit: 2packets'],
    ['of opportunities', ticks, 'delay: 10ms'],
    ['that is slow', 'time,rate\n0s,100kbit\n1s,60kbit\n2s\n', ''],
    ['that is fast', 'time,rate\n0s,90mbit\n100ms,100mbit\n2s\n', 'delay: 40ms'],
    ['that starts with an outage', 'time,rate\n0s,0\n900ms,5mbit\n2s\n', ''],
  ] as const) {
    it(`follows it frame by frame: ${title}`, () => {
      const { faults, rateBps, delay, traceUs } = calibrateTrace(text, link);
      expect(faults).to.deep.equal([]);
      expect(rateBps).to.be.a('number');
      expect(delay).to.not.equal(null);
      expect(traceUs).to.be.greaterThan(500_000);
    });
  }

  it('tells a rate, a delay, an outage and a time that are not those of the trace', () => {
    const others: readonly [string, Partial<DirectionSettings>][] = [
      ['a rate', { trace: parseTrace(steps.replace('20mbit', '19mbit')) }],
      ['a delay', { trace: parseTrace(steps.replace('30ms', '32ms')) }],
      ['an outage that lasts', { trace: parseTrace(steps.replace('430ms', '460ms')) }],
      ['the delay of the link', { delayUs: 2000 }],
      ['no trace', { trace: null, rateBps: 20e6 }],
    ];
    for (const [what, change] of others) {
      expect(calibrateTrace(steps, '', change).faults, what).to.not.deep.equal([]);
    }
    expect(calibrateTrace(steps, '', { trace: parseTrace(steps.replace('30ms', '32ms')) }).faults.join()).to.match(
      /^frames come at other times than its trace lets them: off by [\d.]+ ms at the median and 2\.00 ms at p99/,
    );
  });

  it('allows for the calls that send frames, which a rate that falls and an outage make much longer', () => {
    for (const edge of [0.1, 0.5, 1, 2, 3].map((ms) => 400 + ms)) {
      const falls = `time,rate\n0s,40mbit\n${edge}ms,0\n${edge + 50}ms,10mbit\n550ms,400kbit\n2s\n`;
      const { faults } = calibrateTrace(falls, '', {}, 150_000, { calledUs: 40, tookUs: 40, firstCalledUs: 300 });
      expect(faults, `outage at ${edge} ms`).to.deep.equal([]);
    }
  });

  it('tells a relay that is late, and a sender that cannot say when frames entered the link', () => {
    const late = calibrateTrace(steps, '', { delayUs: 1200 }, 150_000, { calledUs: 20, tookUs: 20 });
    expect(late.faults.join()).to.match(/^frames come at other times than its trace lets them/);
    const unsure = calibrateTrace(steps, '', {}, 150_000, { calledUs: 20, tookUs: 2000 });
    expect(unsure.faults.join()).to.match(/^this machine cannot tell when it sent frames/);
  });

  it('says that nothing was compared where nothing gets through for long', () => {
    const found = calibrateTrace('time,rate\n0s,0\n10s,1mbit\n20s\n');
    expect(found).to.include({ rateBps: null, delay: null, traceUs: 0 });
    expect(found.faults).to.deep.equal([]);
  });
});
