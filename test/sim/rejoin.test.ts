import { expect } from 'chai';
import { TwoHosts } from './scenario/two-hosts.js';
import type { LinkParameters } from './world/link.js';
import { pace } from './world/udp.js';

const LINK: Partial<LinkParameters> = { rate: 50e6, queueBytes: 4 << 20, delay: 10_000 };
const LOSS = (probability: number) => ({ loss: { kind: 'random' as const, probability } });

describe('a path that swallowed everything for a while', () => {
  for (const seconds of [2, 10, 60]) {
    it(`is live again within 1 s of its return while packets flow, after ${seconds} s of silence`, () => {
      const paths = [0, 1].map(() => ({ family: 4 as const, forward: LINK, backward: LINK }));
      const hosts = new TwoHosts({ seed: seconds, cross: false, paths });
      hosts.start('a', { peers: [hosts.address('b')] });
      hosts.start('b');
      const { clock } = hosts.world;
      clock.runUntil(1e6);
      const flow = hosts.udp('forward');
      let stopped = false;
      pace(flow, { interval: 20_000, bytes: () => 200 }, () => stopped);
      const live = (): number => hosts.status('a').paths.filter(({ state }) => state === 'live').length;
      expect(clock.run(clock.now + 5e6, () => flow.arrivals.at(-1)?.via === 'tun' && live() === 2)).to.equal(true);
      const ways = [hosts.forward[1]!, hosts.backward[1]!];
      for (const way of ways) way.set(LOSS(1));
      clock.runUntil(clock.now + seconds * 1e6);
      expect(live()).to.equal(1);
      for (const way of ways) way.set(LOSS(0));
      const returned = clock.now;
      expect(
        clock.run(returned + 1e6, () => live() === 2),
        'live within 1 s',
      ).to.equal(true);
      stopped = true;
    });
  }
});
