import { expect } from 'chai';
import { type Bench, measure, median, table } from '../../../scripts/bench/bench.mjs';

/** Measurements of a case, given out in order. */
function readings(...values: number[]): () => number {
  let next = 0;
  return () => values[next++ % values.length] as number;
}

const bench = (more: Partial<Bench> = {}): Bench => ({
  title: 'copies',
  unit: 'Gbit/s',
  better: 'higher',
  peer: 'kernel',
  rounds: 3,
  cases: { ours: readings(9, 1, 8), kernel: readings(10, 10, 4) },
  ...more,
});

describe('a bench', () => {
  it('gives the median and the range of each case, and its ratio to the peer of the same run', async () => {
    expect(await measure(bench())).to.deep.equal([
      { name: 'ours', median: 8, least: 1, most: 9, ratio: 0.8 },
      { name: 'kernel', median: 10, least: 4, most: 10, ratio: 1 },
    ]);
  });

  it('has ratios above 1 for what is better where less is better too', async () => {
    const [ours] = await measure(bench({ better: 'lower' }));
    expect(ours?.ratio).to.equal(10 / 8);
  });

  it('measures the cases in turn, round by round', async () => {
    const order: string[] = [];
    await measure(bench(), { rounds: 2, onMeasured: (name) => order.push(name) });
    expect(order).to.deep.equal(['ours', 'kernel', 'ours', 'kernel']);
  });

  it('is cleaned up after when a measurement fails, and no figure is made of one that is no measurement', async () => {
    for (const value of [Number.NaN, 0, -1, Number.POSITIVE_INFINITY]) {
      let cleaned = false;
      let message = '';
      const after = () => {
        cleaned = true;
      };
      await measure(bench({ cases: { kernel: () => value }, after })).catch((error: Error) => {
        message = error.message;
      });
      expect(message).to.equal(`kernel measured ${value}`);
      expect(cleaned).to.equal(true);
    }
  });

  it('is refused when its peer is none of its cases', async () => {
    let message = '';
    await measure(bench({ peer: 'kernal' })).catch((error: Error) => {
      message = error.message;
    });
    expect(message).to.include('kernal');
  });

  it('is shown as a table', async () => {
    expect(table(bench(), await measure(bench()))).to.deep.equal([
      'case    median Gbit/s  least .. most  ratio to kernel',
      'ours             8.00   1.00 .. 9.00             0.80',
      'kernel           10.0   4.00 .. 10.0                1',
    ]);
  });
});

describe('the median', () => {
  it('is the middle value, or the mean of the middle two, in numeric order', () => {
    expect(median([10, 9, 100])).to.equal(10);
    expect(median([4, 1, 3, 2])).to.equal(2.5);
  });
});
