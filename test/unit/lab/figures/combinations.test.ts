import { expect } from 'chai';
import { boxFigure } from '../../../../lab/figures/box.js';
import { renderFigure } from '../../../../lab/figures/render.js';
import { sweepFigure } from '../../../../lab/figures/sweep.js';
import type { ResultDocument } from '../../../../lab/results/document.js';
import { exampleResult } from '../example-result.js';

const textsOf = (svg: string): string[] => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text!);

/** The example as one combination, with metrics that grow with `step`. */
function combination(parameters: ResultDocument['parameters'], step: number): ResultDocument {
  const document = exampleResult();
  Object.values(document.arms).forEach((arm, i) => {
    const middle = 50 + 5 * i + step;
    const values = { least: middle - 4, q1: middle - 1, median: middle, q3: middle + 2, most: middle + 3 };
    for (const [which, mbit] of Object.entries(values)) arm.metrics[`seconds.${which}_bps`] = mbit * 1e6;
    arm.metrics['download.retransmissions'] = 100 * i * step;
  });
  return { ...document, parameters };
}

describe('a figure over all combinations', () => {
  it('of boxes has a panel for each group, a box for each arm, and says what boxes and marks are', async () => {
    const documents = ['normal', 'extra delay', 'limited'].map((group, i) => combination({ group }, i));
    const { svg, png } = await renderFigure(boxFigure(documents, { distribution: 'seconds', by: 'group' }));
    expect(textsOf(svg)).to.include.members([
      'normal',
      'extra delay',
      'limited',
      'MPIP',
      'MPTCP',
      'Goodput in 1 s (Mbit/s)',
    ]);
    expect(svg.match(/aria-roledescription="bar"/g)).to.have.length(9);
    expect(svg).to.match(/whiskers: least and most/);
    expect(Buffer.from(png.subarray(1, 4)).toString()).to.equal('PNG');
  });

  it('of a sweep has a panel for each metric, a line for each arm, and the numbers of the paper in their panel', async () => {
    const documents = [0, 20, 80].map((difference) => combination({ difference }, difference / 10));
    const { svg } = await renderFigure(
      sweepFigure(documents, {
        over: 'difference',
        title: 'Difference (ms)',
        panels: [
          { metric: 'download.goodput_bps', title: 'Goodput (Mbit/s)' },
          { metric: 'download.retransmissions', title: 'Retransmissions' },
        ],
        marks: [
          { panel: 'download.goodput_bps', value: 50, label: 'paper: 50', at: 8 },
          { panel: 'download.retransmissions', value: 100, label: 'all along' },
        ],
      }),
    );
    const texts = textsOf(svg);
    expect(texts).to.include.members(['Goodput (Mbit/s)', 'Retransmissions', 'paper: 50', 'all along', 'limit']);
    expect(texts.filter((text) => text === 'Difference (ms)')).to.have.length(1);
    expect(
      texts.filter((text) => text === 'MPTCP'),
      'one legend',
    ).to.have.length(1);
  });
});
