import { emulates } from './emulates.js';

describe("the lab's relay as emulator of links", function () {
  this.timeout(40_000);
  emulates({ name: 'relay', repeatable: true, rateBps: 40e6 });
});
