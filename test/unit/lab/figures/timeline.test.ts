import { expect } from 'chai';
import { timelineFigure } from '../../../../lab/figures/timeline.js';
import type { ResultDocument } from '../../../../lab/results/document.js';

/** Titles of the axes of values, and the values. */
function panelsOf(points: [number, number][], unit: 's' | 'bit/s'): { title: string; values: number[] }[] {
  const arm = { label: 'MPIP', limit_bps: null, metrics: {}, series: [{ name: 'x', unit, points }] };
  const document = { title: 't', paper: null, duration_s: 2, arms: { mpip: arm } } as unknown as ResultDocument;
  const { vconcat } = timelineFigure(document, [{ title: 'X', series: ['x'] }]) as unknown as {
    vconcat: {
      layer: [object, { data: { values: { value: number }[] }; encoding: { y: { axis: { title: string } } } }];
    }[];
  };
  return vconcat.map(({ layer: [, lines] }) => ({
    title: lines.encoding.y.axis.title,
    values: lines.data.values.map(({ value }) => value),
  }));
}

describe('a figure of series over time', () => {
  it('shows short durations in milliseconds, long ones in seconds, and rates in Mbit/s', () => {
    expect(
      panelsOf(
        [
          [0, 0.25],
          [1, 1],
        ],
        's',
      ),
    ).to.deep.equal([{ title: 'ms', values: [250, 1000] }]);
    expect(
      panelsOf(
        [
          [0, 0.25],
          [1, 40],
        ],
        's',
      ),
    ).to.deep.equal([{ title: 's', values: [0.25, 40] }]);
    expect(panelsOf([[0, 3e6]], 'bit/s')).to.deep.equal([{ title: 'Mbit/s', values: [3] }]);
  });
});
