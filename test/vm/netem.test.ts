import { expect } from 'chai';
import {
  DELAY_P99_TOLERANCE_US,
  DELAY_TOLERANCE_US,
  type Figures,
  machineP99Us,
  measureFigures,
  RATE_TOLERANCE,
} from '../e2e/emulation/calibrated.js';
import { guestTests } from './machine/guest-tests.js';

const guest = await guestTests({
  files: ['test/vm/guest/netem.ts', 'test/e2e/backend/netns.test.ts'],
  modules: ['sch_netem', 'sch_tbf', 'veth', 'tun', 'bridge'],
  limitMs: 600_000,
});

describe("in Debian's kernel", guest.define);

describe('netem there and the relay here', function () {
  this.timeout(60_000);

  it('agree: rates within 2%, delays within 0.5 ms, and within 1 ms at p99 beyond what plain links have', async () => {
    const netem = guest.told('figures') as Figures[];
    const relay = await measureFigures('relay');
    expect(relay.map(({ direction }) => direction)).to.deep.equal(netem.map(({ direction }) => direction));
    for (const [i, there] of netem.entries()) {
      const here = relay[i] as Figures;
      const text = `${JSON.stringify(there)} and ${JSON.stringify(here)}`;
      if (there.rateBps !== null) {
        expect(there.measuredBps! / here.measuredBps!, text).to.be.closeTo(1, RATE_TOLERANCE);
      }
      // A bucket lets a single frame through at once, the relay takes its time: that is no error of either.
      const [late, lateHere] = [there.medianUs - there.delayUs, here.medianUs - here.delayUs];
      expect(late, text).to.be.closeTo(lateHere, DELAY_TOLERANCE_US);
      const [most, mostHere] = [there.p99Us - there.delayUs, here.p99Us - here.delayUs];
      const machines = Math.max(machineP99Us(there), machineP99Us(here));
      expect(Math.abs(most - mostHere), text).to.be.at.most(DELAY_P99_TOLERANCE_US + machines);
    }
  });
});
