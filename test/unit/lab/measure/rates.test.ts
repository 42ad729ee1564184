import { expect } from 'chai';
import fc from 'fast-check';
import { binRates, meanRate, type Reading, sumRates } from '../../../../lab/measure/rates.js';

/** A counter that grows by `bytesPerSecond`, read at the given times. */
const steady = (bytesPerSecond: number, times: readonly number[]): Reading[] =>
  times.map((time) => ({ time, bytes: 1000 + bytesPerSecond * time }));

describe('rates from readings of a counter', () => {
  it('are the same in every bin for a counter that grows evenly, however unevenly it is read', () => {
    const readings = steady(5e6, [10, 10.13, 10.2, 10.9, 11.05, 12.4]);
    const points = binRates(readings, 10.2, 12.2, 0.5);
    expect(points.map(([time]) => time)).to.deep.equal([0.25, 0.75, 1.25, 1.75]);
    for (const [, rate] of points) expect(rate).to.be.closeTo(40e6, 1);
  });

  it('show a change in the bin in which it happens', () => {
    const readings = [0, 1, 2, 3].map((time) => ({ time, bytes: time < 2 ? 0 : (time - 1) * 1000 }));
    expect(binRates(readings, 0, 3, 1)).to.deep.equal([
      [0.5, 0],
      [1.5, 8000],
      [2.5, 8000],
    ]);
  });

  it('leave out bins that the readings do not cover', () => {
    expect(binRates(steady(1e6, [1, 2, 3]), 0, 5, 1).map(([time]) => time)).to.deep.equal([1.5, 2.5]);
    expect(binRates(steady(1e6, [1]), 0, 5, 1)).to.deep.equal([]);
    expect(meanRate(steady(1e6, [1, 2]), 0.5, 2)).to.equal(null);
    expect(meanRate([], 0, 1)).to.equal(null);
  });

  it('survive two readings at one time', () => {
    expect(meanRate(steady(1e6, [0, 1, 1, 2]), 0, 2)).to.equal(8e6);
  });

  it('lose no byte: the bins add up to what the counter grew', () => {
    const steps = fc.array(fc.record({ seconds: fc.integer({ min: 1, max: 400 }), bytes: fc.nat(1e6) }), {
      minLength: 30,
    });
    fc.assert(
      fc.property(steps, (list) => {
        const readings: Reading[] = [{ time: 0, bytes: 0 }];
        for (const { seconds, bytes } of list) {
          const last = readings.at(-1)!;
          readings.push({ time: last.time + seconds / 1000, bytes: last.bytes + bytes });
        }
        const end = readings.at(-1)!.time;
        const bins = binRates(readings, 0, end, end / 16);
        const sum = bins.reduce((bytes, [, rate]) => bytes + (rate / 8) * (end / 16), 0);
        // Rounding may put the end of the last bin past the last reading.
        if (bins.length === 16) expect(sum).to.be.closeTo(readings.at(-1)!.bytes, 1e-3);
        else expect(bins).to.have.length(15);
      }),
    );
  });

  it('add up over links, bin by bin, as far as all have them', () => {
    const a = steady(1e6, [0, 1, 2, 3]);
    const b = steady(2e6, [0, 1, 2]);
    const sum = sumRates([binRates(a, 0, 3, 1), binRates(b, 0, 3, 1)]);
    expect(sum).to.deep.equal([
      [0.5, 24e6],
      [1.5, 24e6],
    ]);
    expect(sumRates([])).to.deep.equal([]);
  });
});
