import { expect } from 'chai';
import { seeds } from './scenario/seeds.js';
import { TwoHosts } from './scenario/two-hosts.js';
import { pace } from './world/udp.js';

const PATHS_LIVE_US = 10e6;
const WARM_UP_US = 20e6;
/** What "no more than a few seconds" means for a stream that stands still, us. */
const LONGEST_STALL_US = 3e6;
const INTERFACE_MTU = 1500;

/** Two hosts over paths that carry so many bytes of IP packet and tell nobody. */
function hostsOver(seed: number, mtus: readonly number[], family: 4 | 6 = 4): TwoHosts {
  const paths = mtus.map((mtu, i) => {
    const link = { rate: 30e6, delay: 5_000 + 3_000 * i, queueBytes: 150_000, mtu };
    return { family, forward: link, backward: link };
  });
  const host = { oversize: 'to-node' as const };
  const peers = [family === 4 ? '10.1.0.2' : 'fd00:1::2'];
  const hosts = new TwoHosts({ seed, cross: false, paths, a: { host, config: { peers } }, b: { host } });
  hosts.start('a');
  hosts.start('b');
  return hosts;
}

function found(hosts: TwoHosts, name: 'a' | 'b'): (number | null)[] {
  const live = hosts.status(name).paths.filter(({ state }) => state === 'live');
  const mtus = live.map((path) => ({ address: path.source.address, mtu: path.mtu }));
  return mtus.sort((x, y) => (x.address < y.address ? -1 : 1)).map(({ mtu }) => mtu);
}

/** Resolves to the longest time without a delivered byte while the connection runs, us. */
function longestStall(hosts: TwoHosts, done: () => boolean, progress: () => number): number {
  const { clock } = hosts.world;
  let last = progress();
  let since = clock.now;
  let longest = 0;
  clock.run(clock.now + 120e6, () => {
    const now = progress();
    if (now !== last) {
      longest = Math.max(longest, clock.now - since);
      last = now;
      since = clock.now;
    }
    return done();
  });
  return longest;
}

describe('PMTU is found per path without relying on ICMP', () => {
  for (const seed of seeds(1, 4)) {
    for (const family of [4, 6] as const) {
      it(`each path's own, both ways, and packets that long get through (IPv${family}, seed ${seed})`, () => {
        const mtus = [1500, 1300 + 17 * seed];
        const hosts = hostsOver(seed, mtus, family);
        const { clock } = hosts.world;
        const known = (): boolean =>
          (['a', 'b'] as const).every((name) => {
            const sizes = found(hosts, name);
            return sizes.length === 2 && sizes.every((size) => size !== null);
          });
        expect(clock.run(PATHS_LIVE_US, known)).to.equal(true);
        for (const name of ['a', 'b'] as const) {
          const [first, second] = found(hosts, name);
          expect(first).to.equal(1500);
          expect(second).to.be.within(mtus[1]! - 4, mtus[1]!);
        }
        const before = hosts.dropped.length;
        const connection = hosts.tcp({ upload: 3_000_000, download: 1_000_000 });
        clock.run(clock.now + 60e6, () => connection.done);
        expect(connection.done, 'the stream is complete and intact').to.equal(true);
        const tooLong = [...hosts.forward, ...hosts.backward].reduce((sum, link) => sum + link.counters.tooLong, 0);
        // Only what asks whether more gets through.
        expect(tooLong).to.be.below(60);
        expect(hosts.dropped.length - before).to.be.below(2000);
      });
    }
  }
});

describe('a path whose MTU shrinks under a transfer', () => {
  for (const seed of seeds(1, 4)) {
    for (const [title, mtus, shrinking] of [
      ['the only one', [INTERFACE_MTU], 0],
      ['one of two', [INTERFACE_MTU, INTERFACE_MTU], 1],
    ] as const) {
      it(`does not stall the TCP session for more than a few seconds (${title}, seed ${seed})`, () => {
        const hosts = hostsOver(seed, mtus);
        const { clock } = hosts.world;
        const warm = (): boolean => found(hosts, 'a').filter((mtu) => mtu !== null).length === mtus.length;
        expect(clock.run(WARM_UP_US, warm)).to.equal(true);
        const connection = hosts.tcp({ upload: 6_000_000, download: 0 });
        clock.runUntil(clock.now + 400_000);
        expect(connection.done).to.equal(false);
        for (const link of [hosts.forward[shrinking]!, hosts.backward[shrinking]!]) link.set({ mtu: 1280 + 10 * seed });
        const stall = longestStall(
          hosts,
          () => connection.done,
          () => connection.serverSocket?.received ?? 0,
        );
        expect(connection.done, 'the stream is complete and intact').to.equal(true);
        expect(stall).to.be.below(LONGEST_STALL_US);
        expect(found(hosts, 'a')[shrinking]).to.be.within(1276 + 10 * seed, 1280 + 10 * seed);
      });
    }
  }
});

describe('a datagram that is longer than the paths carry', () => {
  for (const family of [4, 6] as const) {
    it(`is answered with "packet too big" to the application's stack (IPv${family})`, () => {
      const hosts = hostsOver(3, [1400], family);
      const { clock } = hosts.world;
      const flow = hosts.udp('forward');
      let bytes = 500;
      pace(flow, { interval: 10_000, bytes: () => bytes }, () => clock.now > 8e6);
      expect(clock.run(WARM_UP_US, () => flow.arrivals.at(-1)?.via === 'tun')).to.equal(true);
      const mtu = hosts.mpipd('a').steeredMtu(hosts.address('b'))!;
      expect(mtu).to.be.within(1300, 1400);
      bytes = 1420;
      clock.runUntil(clock.now + 100_000);
      expect(hosts.a.host.tooBig.length).to.be.greaterThan(5);
      expect(new Set(hosts.a.host.tooBig)).to.deep.equal(new Set([mtu]));
    });
  }
});
