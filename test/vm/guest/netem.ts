import { expect } from 'chai';
import { faults, measureFigures } from '../../e2e/emulation/calibrated.js';
import { emulates } from '../../e2e/emulation/emulates.js';
import { tell } from '../machine/told.js';

describe('netem as emulator of links', function () {
  // An emulated processor is some ten times as slow, and more beside other work.
  this.timeout(240_000);

  emulates({ name: 'netem', repeatable: false, rateBps: 8e6 });

  it('is calibrated: rates within 2%, delays within 0.5 ms, within 1 ms at p99 beyond what a plain link has', async () => {
    const figures = await measureFigures('netem');
    tell('figures', figures);
    expect(figures.map(({ emulator }) => emulator))
      .to.include.members(['netem', 'tbf'])
      .and.not.include('relay');
    const wrong = figures.flatMap(faults);
    expect(wrong.length, wrong.join('\n')).to.equal(0);
  });
});
