import { expect } from 'chai';
import fc from 'fast-check';
import { lossModel } from '../../../../lab/emulation/loss.js';
import { deriveSeed, Random } from '../../../../lab/emulation/random.js';
import type { Loss } from '../../../../lab/topology/topology.js';

const PACKETS = 200_000;

function pattern(loss: Loss, seed: number, packets = PACKETS): boolean[] {
  const model = lossModel(loss, new Random(seed));
  return Array.from({ length: packets }, () => model.loses());
}

function share(lost: readonly boolean[]): number {
  return lost.filter(Boolean).length / lost.length;
}

/** Mean length of runs of losses. */
function meanRun(lost: readonly boolean[]): number {
  const runs = lost.filter((own, i) => own && !lost[i - 1]).length;
  return lost.filter(Boolean).length / runs;
}

describe('loss models', () => {
  for (const mean of [0.001, 0.02, 0.5]) {
    it(`lose ${mean * 100}% of single packets`, () => {
      const lost = pattern({ model: 'random', mean }, 3);
      expect(share(lost)).to.be.closeTo(mean, 0.1 * mean + 0.0002);
      expect(meanRun(lost)).to.be.closeTo(1 / (1 - mean), 0.05);
    });
  }

  for (const [mean, burst] of [
    [0.02, 8],
    [0.1, 3],
    [0.3, 50],
  ] as const) {
    it(`lose ${mean * 100}% in runs of ${burst}`, () => {
      const lost = pattern({ model: 'gilbert-elliott', mean, burst }, 3);
      expect(share(lost) / mean).to.be.closeTo(1, 0.12);
      expect(meanRun(lost) / burst).to.be.closeTo(1, 0.12);
    });
  }

  it('lose nothing and everything at the ends of the scale', () => {
    expect(share(pattern({ model: 'random', mean: 0 }, 1, 1000))).to.equal(0);
    expect(share(pattern({ model: 'random', mean: 1 }, 1, 1000))).to.equal(1);
    expect(share(pattern({ model: 'gilbert-elliott', mean: 0, burst: 5 }, 1, 1000))).to.equal(0);
  });

  it('repeat for a seed and differ between seeds', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), (seed, other) => {
        const loss: Loss = { model: 'gilbert-elliott', mean: 0.2, burst: 2 };
        expect(pattern(loss, seed, 500)).to.deep.equal(pattern(loss, seed, 500));
        if (seed >>> 0 !== other >>> 0) expect(pattern(loss, seed, 500)).to.not.deep.equal(pattern(loss, other, 500));
      }),
      { numRuns: 50 },
    );
  });
});

describe('random numbers', () => {
  it('are even in [0, 1)', () => {
    const random = new Random(1);
    const bins = new Array<number>(16).fill(0);
    for (let i = 0; i < 160_000; i++) bins[Math.floor(random.fraction() * 16)]!++;
    for (const count of bins) expect(count).to.be.closeTo(10_000, 500);
  });

  it('have seeds of their own for each purpose', () => {
    const seeds = ['loss', 'jitter', 'path1 0', 'path1 1', 'path2 0'].map((purpose) => deriveSeed(1, purpose));
    expect(new Set(seeds).size).to.equal(seeds.length);
    expect(deriveSeed(2, 'loss')).to.not.equal(deriveSeed(1, 'loss'));
  });
});
