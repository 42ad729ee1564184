import { expect } from 'chai';
import fc from 'fast-check';
import { shapingFor } from '../../../../lab/plan/shaping.js';

const MTU = 1500;
const FRAME = MTU + 14;

describe('the shaping of a rate', () => {
  it('lets at least a frame through at once and, at rates up to 100 Mbit/s, no more than 16 KiB', () => {
    fc.assert(
      fc.property(fc.integer({ min: 8000, max: 100_000_000 }), (rate) => {
        const { burstBytes } = shapingFor(rate, null, MTU);
        expect(burstBytes).to.be.at.least(FRAME).and.at.most(16_384);
      }),
    );
  });

  it('keeps a millisecond of a fast rate, so that late timers cost nothing', () => {
    expect(shapingFor(10e9, null, MTU).burstBytes).to.equal(1_250_000);
  });

  it('holds 50 ms behind the bucket where the file gives no limit, and 10 frames on slow links', () => {
    const fast = shapingFor(40e6, null, MTU);
    expect(fast.limitBytes - fast.burstBytes).to.equal(250_000);
    const slow = shapingFor(500e3, null, MTU);
    expect(slow.limitBytes - slow.burstBytes).to.equal(10 * FRAME);
  });

  it('takes limits in time, bytes and packets', () => {
    const timed = shapingFor(8e6, { kind: 'time', us: 100_000 }, MTU);
    expect(timed.limitBytes - timed.burstBytes).to.equal(100_000);
    expect(shapingFor(8e6, { kind: 'bytes', bytes: 64_000 }, MTU).limitBytes).to.equal(64_000);
    expect(shapingFor(8e6, { kind: 'packets', packets: 20 }, MTU).limitBytes).to.equal(20 * FRAME);
  });

  it('never has a queue that no packet fits into', () => {
    expect(shapingFor(8e6, { kind: 'bytes', bytes: 1 }, MTU).limitBytes).to.equal(FRAME);
    expect(shapingFor(8e6, { kind: 'time', us: 1 }, MTU).limitBytes).to.be.at.least(FRAME);
  });
});
