import { emulates } from '../../e2e/emulation/emulates.js';

describe('netem as emulator of links', function () {
  // An emulated processor is some ten times as slow, and more beside other work.
  this.timeout(240_000);
  emulates({ name: 'netem', repeatable: false, rateBps: 20e6 });
});
