import { guestTests } from './machine/guest-tests.js';

const define = await guestTests({
  files: ['test/vm/guest/netem.ts'],
  modules: ['sch_netem', 'sch_tbf', 'veth', 'tun', 'bridge', 'af_packet'],
  limitMs: 600_000,
});

describe("in Debian's kernel", define);
