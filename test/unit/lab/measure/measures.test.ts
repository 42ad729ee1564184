import { expect } from 'chai';
import { type Measure, measured, metricsOf, stretched } from '../../../../lab/measure/measures.js';
import type { SeriesRecord } from '../../../../lab/results/document.js';

/** Bins of 100 ms. */
function rates(...values: number[]): SeriesRecord {
  return { name: 'path1.rate', unit: 'bit/s', points: values.map((value, i) => [i / 10 + 0.05, value * 1e6]) };
}

const series = 'path1.rate';
const measure = (measures: Measure[], of: SeriesRecord, settled = 0) => measured(measures, [of], settled);

describe('a measure', () => {
  const pause: Measure = { kind: 'pause', name: 'still', series, below: 0 };
  const until: Measure = { kind: 'time-until', name: 'back', series, least: 8e6, after: 0.3 };

  it('of pauses is the longest time without progress', () => {
    expect(measure([pause], rates(5, 0, 5, 0, 0, 0, 5, 0)).still_s).to.be.closeTo(0.3, 1e-9);
    expect(measure([pause], rates(5, 5, 5)).still_s).to.equal(0);
    expect(measure([{ ...pause, below: 1e6 }], rates(5, 1, 0.5, 5)).still_s).to.be.closeTo(0.2, 1e-9);
  });

  it('of a time until something is to the end of the first bin that reaches it and lies behind the event whole', () => {
    expect(measure([until], rates(9, 9, 9, 0, 0, 8, 9)).back_s).to.be.closeTo(0.3, 1e-9);
    expect(measure([until], rates(9, 9, 9, 9)).back_s).to.be.closeTo(0.1, 1e-9);
    // The bin from 0.3 s begins before the event.
    expect(measure([{ ...until, after: 0.32 }], rates(9, 9, 9, 9, 7, 8)).back_s).to.be.closeTo(0.28, 1e-9);
  });

  it('of a time until something that never comes is not there', () => {
    expect(measure([until], rates(9, 9, 9, 7, 7.9))).to.deep.equal({});
  });

  it('of a distribution gives quartiles of what comes once settled', () => {
    const spread: Measure = { kind: 'distribution', name: 'spread', series, unit: 'bit/s' };
    const metrics = measure([spread], rates(100, 100, 1, 2, 3, 4, 5), 0.2);
    expect(metrics).to.deep.equal({
      'spread.least_bps': 1e6,
      'spread.q1_bps': 2e6,
      'spread.median_bps': 3e6,
      'spread.q3_bps': 4e6,
      'spread.most_bps': 5e6,
      'spread.iqr_bps': 2e6,
    });
    expect(Object.keys(metrics)).to.deep.equal(metricsOf(spread));
  });

  it('of a mean between two moments is about the bins that lie between them whole, or of all once settled', () => {
    const mean: Measure = { kind: 'mean', name: 'phase', series, unit: 'bit/s', from: 0.1, to: 0.4 };
    expect(measure([mean], rates(100, 1, 2, 3, 100))).to.deep.equal({ phase_bps: 2e6 });
    expect(measure([{ ...mean, from: 0.05 }], rates(100, 1, 2, 3, 100))).to.deep.equal({ phase_bps: 2e6 });
    expect(measure([{ ...mean, from: null, to: null }], rates(100, 1, 2, 3), 0.2)).to.deep.equal({ phase_bps: 2.5e6 });
    expect(measure([{ ...mean, from: 9, to: null }], rates(1, 2, 3))).to.deep.equal({});
    expect(metricsOf({ ...mean, unit: 's' })).to.deep.equal(['phase_s']);
  });

  it('in another time has its moments there', () => {
    const mean: Measure = { kind: 'mean', name: 'phase', series, unit: 'bit/s', from: 0, to: 40 };
    expect(stretched(mean, 0.5)).to.deep.equal({ ...mean, to: 20 });
    expect(stretched({ ...mean, to: null }, 0.5)).to.deep.equal({ ...mean, to: null });
    expect(stretched(until, 2)).to.deep.equal({ ...until, after: until.after * 2 });
  });

  it('of a series that was not recorded is not there', () => {
    expect(measured([{ ...pause, series: 'path9.rate' }], [rates(1, 0)], 0)).to.deep.equal({});
  });
});
