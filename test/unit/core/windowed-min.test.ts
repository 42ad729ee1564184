import { expect } from 'chai';
import fc from 'fast-check';
import { WindowedMin } from '../../../src/core/routing/windowed-min.js';

const WINDOW_US = 30_000_000;
const STEP_US = 100_000;

describe('minimum of a window', () => {
  it('is the least sample of the window, or of at most a third more', () => {
    const samples = fc.array(fc.record({ after: fc.integer({ min: 0, max: 20_000_000 }), value: fc.integer() }), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(samples, fc.integer({ min: 0, max: 1e15 }), (steps, start) => {
        const minimum = new WindowedMin(WINDOW_US);
        const seen: { at: number; value: number }[] = [];
        let now = start;
        for (const { after, value } of steps) {
          now += after;
          seen.push({ at: now, value });
          const least = (window: number): number =>
            Math.min(...seen.filter(({ at }) => now - at <= window).map((sample) => sample.value));
          expect(minimum.add(value, now)).to.be.within(least((WINDOW_US * 4) / 3), least(WINDOW_US));
        }
      }),
    );
  });

  it('forgets short delays of two paths at once, though their queues began at different times', () => {
    const [one, two] = [new WindowedMin(WINDOW_US), new WindowedMin(WINDOW_US)];
    const least = [0, 0];
    let rises = 0;
    for (let now = 0; now < 3 * WINDOW_US; now += STEP_US) {
      const before = least[0]!;
      least[0] = one.add(now < 1_000_000 ? 10 : 500, now);
      least[1] = two.add(now < 9_000_000 ? 10 : 500, now);
      expect(least[0]).to.equal(least[1]);
      if (least[0] > before) rises++;
    }
    // From nothing to the short delay, and from that to the queue's.
    expect(rises).to.equal(2);
  });

  it('is that of all time without a window, as in the paper', () => {
    const minimum = new WindowedMin(Number.POSITIVE_INFINITY);
    minimum.add(10, 5);
    expect(minimum.add(20, 1e15)).to.equal(10);
  });
});
