import { expect } from 'chai';
import type { SessionStatus } from '../../src/core/status.js';
import { seeds } from './scenario/seeds.js';
import { TwoHosts } from './scenario/two-hosts.js';
import { Random } from './world/random.js';
import { pace } from './world/udp.js';

function symmetric(seed: number): TwoHosts {
  const random = new Random(seed).fork('parameters');
  const loss = { kind: 'random', probability: random.pick([0, 0.02]) } as const;
  const paths = [0, 1].map(() => {
    const link = { rate: 20e6, delay: random.scaled(1_000, 60_000), loss };
    return { family: 4 as const, forward: link, backward: link };
  });
  return new TwoHosts({ seed, cross: random.chance(0.5), paths });
}

/** The one session of a protocol on both sides. */
function sessions(hosts: TwoHosts, protocol: 'tcp' | 'udp'): [SessionStatus[], SessionStatus[]] {
  const of = (name: 'a' | 'b'): SessionStatus[] =>
    hosts.status(name).sessions.filter((session) => session.protocol === protocol);
  return [of('a'), of('b')];
}

describe('simultaneous start of both nodes converges: they', function () {
  this.timeout(60_000);

  for (const seed of seeds(1, 20)) {
    it(`and open the same UDP 5-tuple from both sides agree on one session (seed ${seed})`, () => {
      const hosts = symmetric(seed);
      const { clock } = hosts.world;
      hosts.start('a', { peers: [hosts.address('b')] });
      hosts.start('b', { peers: [hosts.address('a')] });
      const steered = (): boolean =>
        hosts.mpipd('a').steeredMtu(hosts.address('b')) !== undefined &&
        hosts.mpipd('b').steeredMtu(hosts.address('a')) !== undefined;
      expect(clock.run(20e6, steered), 'both greet each other').to.equal(true);
      clock.runUntil(clock.now + 1e6);
      const up = hosts.udp('forward');
      const down = hosts.udp('backward');
      for (const flow of [up, down]) pace(flow, { interval: 5_000, bytes: () => 300 }, () => flow.sent >= 800);
      clock.runUntil(clock.now + 6e6);
      const [[atA, ...moreA], [atB, ...moreB]] = sessions(hosts, 'udp');
      expect([moreA, moreB]).to.deep.equal([[], []]);
      expect(atA?.state).to.equal('mpip');
      expect(atB?.state).to.equal('mpip');
      expect(atA?.session).to.equal(atB?.session);
      expect([atA?.openedBy, atB?.openedBy].sort()).to.deep.equal(['peer', 'self']);
      for (const flow of [up, down]) {
        expect(flow.arrivals.at(-1)?.via).to.equal('tun');
        expect(flow.duplicates()).to.deep.equal([]);
        const dropped = hosts.droppedNumbers(flow);
        expect(flow.missing().filter((number) => !dropped.has(number))).to.deep.equal([]);
      }
    });

    it(`in the middle of a TCP connection take it over once (seed ${seed})`, () => {
      const hosts = symmetric(seed);
      const { clock } = hosts.world;
      const connection = hosts.tcp({ upload: 3_000_000, download: 3_000_000 });
      clock.runUntil(300_000);
      expect(connection.done).to.equal(false);
      hosts.start('a', { peers: [hosts.address('b')] });
      hosts.start('b', { peers: [hosts.address('a')] });
      clock.run(clock.now + 200e6, () => connection.done);
      const [atA, atB] = sessions(hosts, 'tcp');
      expect(connection.faults()).to.deep.equal([]);
      expect(connection.throughTun).to.be.greaterThan(100);
      expect([atA.length, atB.length]).to.deep.equal([1, 1]);
      expect(atA[0]?.session).to.equal(atB[0]?.session);
    });
  }
});
