import { expect } from 'chai';
import { TwoHosts } from './scenario/two-hosts.js';
import { BulkTcp } from './world/bulk-tcp.js';
import type { Link, LinkParameters } from './world/link.js';

/** Payload of a full packet as a share of the packet, with TCP timestamps: over MPIP (its headers and tag) and plainly. */
const MPIP_SHARE = 1407 / 1500;
const SECOND = 1e6;

/** Rate in Mbit/s, one-way delay in ms; a queue of a round trip, at least 50 ms and ten packets, as in the lab. */
function link([rate, delay]: readonly [number, number]): Partial<LinkParameters> {
  const queue = Math.max(50, 2 * delay);
  return {
    rate: rate * 1e6,
    delay: delay * 1e3,
    jitter: 100,
    queueBytes: Math.max(15_000, (rate * queue * 1e3) / 8),
  };
}

/** One TCP flow (CUBIC, SACK) from `a` to `b`; without mpipd on the first path. */
class Flow {
  readonly tcp: BulkTcp;
  readonly hosts: TwoHosts;

  constructor(paths: readonly (readonly [number, number])[], mpip: boolean) {
    this.hosts = new TwoHosts({
      seed: 1,
      cross: false,
      paths: paths.map((path) => ({ family: 4, forward: link(path), backward: link(path) })),
      a: { mpipd: { gro: true } },
      b: { mpipd: { gro: true } },
    });
    const { hosts } = this;
    if (mpip) {
      hosts.start('a', { peers: [hosts.address('b')] });
      hosts.start('b');
    }
    hosts.world.clock.runUntil(SECOND);
    this.tcp = new BulkTcp({
      sender: hosts.a.host,
      receiver: hosts.b.host,
      from: { address: hosts.address('a'), port: 40_000 },
      to: { address: hosts.address('b'), port: 80 },
    });
  }

  get second(): Link {
    return this.hosts.forward[1]!;
  }

  /** Goodput and what was put on the second path, Mbit/s, in the next so many seconds. */
  run(seconds: number): { goodput: number; second: number } {
    const { clock } = this.hosts.world;
    const { received } = this.tcp;
    const sent = this.hosts.forward[1]?.counters.sentBytes ?? 0;
    clock.runUntil(clock.now + seconds * SECOND);
    const second = (this.hosts.forward[1]?.counters.sentBytes ?? 0) - sent;
    return {
      goodput: ((this.tcp.received - received) * 8) / SECOND / seconds,
      second: (second * 8) / SECOND / seconds,
    };
  }
}

describe('never below the best single path: a path is admitted only while it helps', function () {
  this.timeout(180_000);

  const FAST = [40, 5] as const;
  let single: number;
  before(() => {
    single = new Flow([FAST], false).run(10).goodput;
  });

  // Of the matrix (experiments/matrix.yaml) those that are hardest: little to gain, and most to lose.
  for (const [ratio, spread] of [
    [10, 0],
    [10, 25],
    [10, 50],
    [4, 50],
    [1, 50],
  ] as const) {
    it(`one TCP flow over rates of ${ratio}:1, ${spread} ms apart, gets at least 98 % of the faster path's`, () => {
      const { goodput } = new Flow([FAST, [FAST[0] / ratio, FAST[1] + spread]], true).run(10);
      expect(goodput).to.be.at.least(0.98 * single);
    });
  }

  for (const [ratio, spread] of [
    [1, 10],
    [2, 25],
    [4, 25],
  ] as const) {
    it(`one TCP flow over rates of ${ratio}:1, ${spread} ms apart, gets at least 90 % of the sum`, () => {
      const slow = FAST[0] / ratio;
      const { goodput } = new Flow([FAST, [slow, FAST[1] + spread]], true).run(10);
      expect(goodput).to.be.at.least(0.9 * (FAST[0] + slow) * MPIP_SHARE);
    });
  }
});

describe('a path that fills its queue or loses packets is used less within 1 s and comes back when it recovers', function () {
  this.timeout(120_000);

  const RATE = 20;
  const paths = [
    [RATE, 5],
    [RATE, 10],
  ] as const;
  const single = RATE * MPIP_SHARE;

  for (const [title, worse, most] of [
    ['has a tenth of its rate left', { rate: 2e6, queueBytes: 15_000 }, 2.2],
    ['has a hundredth of its rate left', { rate: 0.2e6, queueBytes: 15_000 }, 0.2],
    ['loses 5 %', { loss: { kind: 'random', probability: 0.05 } }, 2],
    ['loses 2 %', { loss: { kind: 'random', probability: 0.02 } }, 2],
  ] as const satisfies readonly (readonly [string, Partial<LinkParameters>, number])[]) {
    it(`when it ${title}`, () => {
      const flow = new Flow(paths, true);
      flow.run(3);
      const before = flow.run(1);
      expect(before.goodput).to.be.greaterThan(1.8 * single);
      flow.second.set(worse);
      flow.run(1);
      const worst = flow.run(4);
      expect(worst.second, 'on the second path').to.be.below(most);
      expect(worst.goodput, 'over both').to.be.at.least(0.95 * single);
      flow.second.set({ ...link(paths[1]), loss: { kind: 'random', probability: 0 } });
      flow.run(4);
      const after = flow.run(1);
      expect(after.second, 'on the second path again').to.be.greaterThan(0.9 * RATE);
      expect(after.goodput).to.be.greaterThan(1.8 * single);
    });
  }
});
