import { expect } from 'chai';
import fc from 'fast-check';
import { parseTrace, TraceError } from '../../../../lab/emulation/trace-file.js';
import { traceTransmitter } from '../../../../lab/emulation/trace-transmitter.js';

describe('trace files', () => {
  it('are read in the format of mahimahi', () => {
    expect(parseTrace('0\n5\n5\n\n12\n')).to.deep.equal({ kind: 'opportunities', timesUs: [0, 5000, 5000, 12_000] });
  });

  it('are read as CSV with units in the values or in the heading', () => {
    const rows = [
      { timeUs: 0, rateBps: 20e6, delayUs: 30_000 },
      { timeUs: 1_500_000, rateBps: 0, delayUs: 0 },
    ];
    const expected = { kind: 'rates', rows, periodUs: 2e6 };
    expect(parseTrace('time,rate,delay\n0s,20mbit,30ms\n1500ms,0\n2s\n')).to.deep.equal(expected);
    expect(parseTrace('# LTE\r\ntime_ms,delay_ms,rate_mbit\r\n0,30,20\r\n1500,,0\r\n2000\r\n')).to.deep.equal(expected);
    expect(parseTrace('time,rate\n0,1mbit')).to.include({ periodUs: null });
  });

  for (const [what, text, message] of [
    ['nothing', '\n', 'line 1: the trace is empty'],
    ['times that go back', '5\n4\n', 'line 2: 4 ms comes after 5 ms; times must not go back'],
    ['no length', '0\n0\n', 'line 2: the trace has no length: its last time is 0 ms'],
    ['a fraction', '1\n1.5\n', 'line 2: "1.5" is not a whole number of ms'],
    ['an unknown column', 'time,rate,loss\n', '"loss" is no column; allowed: time, rate, delay'],
    ['a missing column', 'time,delay\n', 'line 1: the heading has no column "rate"'],
    ['a column twice', 'time,rate,rate_bit\n', 'line 1: the heading has column "rate" twice'],
    ['a late start', 'time,rate\n1s,1mbit\n', 'line 2: the first time must be 0'],
    ['a time twice', 'time,rate\n0,1mbit\n1s,2mbit\n1s,3mbit\n', 'line 4: times must increase from row to row'],
    ['a value without unit', 'time,rate\n0,1\n', 'line 2: rate: "1" is not a rate'],
    ['too many values', 'time,rate\n0,1mbit,5\n', 'line 2: has 3 values, the heading 2'],
    ['no rate at all', 'time,rate\n0,0\n1s\n', 'line 1: the trace has no row with a rate above 0'],
    ['rows behind the end', 'time,rate\n0,1mbit\n1s\n2s,1mbit\n', 'line 4: comes after the row without a rate'],
  ] as const) {
    it(`are refused with ${what}`, () => {
      expect(() => parseTrace(text))
        .to.throw(TraceError)
        .with.property('message')
        .that.contains(message);
    });
  }
});

describe('a link that follows opportunities', () => {
  const link = () => traceTransmitter(parseTrace('2\n4\n4\n10\n'), 0);
  const FULL = 1514;

  it('sends a packet at each, and starts the trace again', () => {
    const trace = link();
    const times: number[] = [];
    while (times.length < 9) times.push(trace.finish(times.at(-1) ?? 0, FULL));
    expect(times).to.deep.equal([2000, 4000, 4000, 10_000, 12_000, 14_000, 14_000, 20_000, 22_000]);
  });

  it('loses opportunities that nobody waits for', () => {
    const trace = link();
    expect(trace.finish(5000, FULL)).to.equal(10_000);
    expect(trace.finish(33_000, FULL)).to.equal(34_000);
  });

  it('carries several small packets in one and a large one in several', () => {
    const trace = link();
    expect([trace.finish(0, 764), trace.finish(2000, 764), trace.finish(2000, 764)]).to.deep.equal([2000, 2000, 4000]);
    expect(link().finish(0, 14 + 4500)).to.equal(4000);
  });

  it('starts at its origin', () => {
    expect(traceTransmitter(parseTrace('2\n'), 1e6).finish(1e6, FULL)).to.equal(1_002_000);
  });
});

describe('a link that follows rates', () => {
  // 1000 bytes are 1 ms at 8 Mbit/s.
  const link = (text: string) => traceTransmitter(parseTrace(text), 0);

  it('sends at the rate of the moment, packets across a change in parts', () => {
    const trace = link('time,rate\n0,8mbit\n1ms,4mbit\n10ms,8mbit\n');
    expect(trace.finish(0, 1000)).to.equal(1000);
    expect(trace.finish(1000, 1000)).to.equal(3000);
    expect(trace.finish(9000, 1000)).to.equal(10_500);
  });

  it('waits through an outage', () => {
    const trace = link('time,rate\n0,8mbit\n1ms,0\n5ms,8mbit\n');
    expect(trace.finish(500, 1000)).to.equal(5500);
  });

  it('ends with its last rate, or starts again', () => {
    expect(link('time,rate\n0,8mbit\n1ms,0\n').finish(2000, 1000)).to.equal(Number.POSITIVE_INFINITY);
    expect(link('time,rate\n0,8mbit\n1ms,0\n2ms\n').finish(1500, 1000)).to.equal(3000);
    expect(link('time,rate\n0,8mbit\n1ms,0\n2ms\n').finish(1_000_001_500, 1000)).to.equal(1_000_003_000);
  });

  it('tells rate and delay of any moment, asked in any order', () => {
    const trace = link('time,rate,delay\n0,8mbit,1ms\n1ms,4mbit,2ms\n3ms\n');
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 1 }), (times) => {
        for (const at of times) {
          const first = at % 3000 < 1000;
          expect(trace.rateBps(at)).to.equal(first ? 8e6 : 4e6);
          expect(trace.delayUs(at)).to.equal(first ? 1000 : 2000);
        }
      }),
    );
  });

  it('carries in a period what its rates add up to', () => {
    const trace = link('time,rate\n0,8mbit\n1ms,4mbit\n3ms\n');
    let at = 0;
    // 16,000 bits in 3 ms: 2 packets a period.
    for (let i = 0; i < 2000; i++) at = trace.finish(at, 1000);
    expect(at).to.be.closeTo(3_000_000, 1e-3);
  });
});
