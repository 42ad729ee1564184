import { expect } from 'chai';
import { seeds } from './scenario/seeds.js';
import { TwoHosts } from './scenario/two-hosts.js';
import { Random } from './world/random.js';
import type { Transfer } from './world/transfer.js';
import { pace, type UdpFlow } from './world/udp.js';

/** Traffic must be native this long after the other node is gone, us: when nothing is heard of it any more ... */
const LIMIT = 3e6;
/** ... and when its kernel says so, which one unanswered probe of each path has to confirm. */
const ICMP_LIMIT = 800_000;

interface Running {
  readonly hosts: TwoHosts;
  readonly up: UdpFlow;
  readonly down: UdpFlow;
  readonly connection: Transfer;
  stop(): void;
}

/** Two nodes with UDP both ways and one long TCP transfer, all inside MPIP. */
function running(seed: number, icmp: boolean): Running {
  const random = new Random(seed).fork('parameters');
  const paths = [0, 1].map(() => {
    const link = { rate: random.scaled(10e6, 40e6), delay: random.scaled(1_000, 30_000), queueBytes: 300_000 };
    return { family: 4 as const, forward: link, backward: link };
  });
  const host = { icmp };
  const hosts = new TwoHosts({
    seed,
    cross: random.chance(0.5),
    paths,
    a: { host, mpipd: { gro: true } },
    b: { host, mpipd: { gro: true } },
  });
  const { clock } = hosts.world;
  hosts.start('a');
  hosts.start('b');
  const up = hosts.udp('forward');
  const down = hosts.udp('backward');
  let stopped = false;
  for (const flow of [up, down]) pace(flow, { interval: 10_000, bytes: () => 200 }, () => stopped);
  expect(clock.run(20e6, () => up.arrivals.at(-1)?.via === 'tun' && down.arrivals.at(-1)?.via === 'tun')).to.equal(
    true,
  );
  const connection = hosts.tcp({ upload: 4_000_000, download: 4_000_000 });
  const isHalfway = (): boolean => connection.throughTun > 0 && (connection.serverSocket?.received ?? 0) > 1_000_000;
  expect(clock.run(clock.now + 60e6, isHalfway)).to.equal(true);
  return {
    hosts,
    up,
    down,
    connection,
    stop: () => {
      stopped = true;
    },
  };
}

function nativeAfter(flow: UdpFlow, since: number): number {
  return (
    (flow.arrivals.find(({ time, via }) => time > since && via === 'native')?.time ?? Number.POSITIVE_INFINITY) - since
  );
}

describe('when a node dies', function () {
  this.timeout(60_000);

  for (const seed of seeds(1, 12)) {
    const victim = seed % 2 === 0 ? 'a' : 'b';
    const icmp = seed % 4 < 2;
    it(`${victim} ${icmp ? 'with ICMP' : 'in silence'}, both directions are native ${icmp ? 'within 0.8 s' : 'within 3 s'} and TCP completes (seed ${seed})`, () => {
      const { hosts, up, down, connection, stop } = running(seed, icmp);
      const { clock } = hosts.world;
      const survivor = victim === 'a' ? 'b' : 'a';
      const limit = icmp ? ICMP_LIMIT : LIMIT;
      const died = clock.now;
      hosts.mpipd(victim).kill();
      const isNative = (): boolean =>
        Math.max(nativeAfter(up, died), nativeAfter(down, died)) < Number.POSITIVE_INFINITY;
      expect(clock.run(died + limit, isNative), `native within ${limit} us`).to.equal(true);
      expect(hosts.mpipd(survivor).steeredMtu(hosts.address(victim))).to.equal(undefined);
      expect(
        clock.run(clock.now + 120e6, () => connection.done),
        'TCP completes',
      ).to.equal(true);
      expect(connection.faults()).to.deep.equal([]);
      clock.runUntil(Math.max(clock.now, died + LIMIT + 1e6));
      stop();
      clock.runUntil(clock.now + 1e6);
      expect([...up.duplicates(), ...down.duplicates()]).to.deep.equal([]);
      expect(up.foreign + down.foreign).to.equal(0);
      // From when both were native on, nothing is lost any more.
      const settled = died + LIMIT;
      const lost = (flow: UdpFlow): number[] => {
        const from = flow.arrivals.find(({ time }) => time > settled)?.number ?? Number.NaN;
        return flow.missing().filter((number) => !(number <= from));
      };
      expect([...lost(up), ...lost(down)]).to.deep.equal([]);
    });
  }

  it('says goodbye, and not one datagram is lost at the other side afterwards', () => {
    const { hosts, up, down, connection, stop } = running(21, true);
    const { clock } = hosts.world;
    const died = clock.now;
    hosts.mpipd('b').stop();
    expect(clock.run(died + 200_000, () => hosts.mpipd('a').steeredMtu(hosts.address('b')) === undefined)).to.equal(
      true,
    );
    expect(clock.run(clock.now + 120e6, () => connection.done)).to.equal(true);
    expect(connection.faults()).to.deep.equal([]);
    stop();
    clock.runUntil(clock.now + 1e6);
    // What was under way inside MPIP to a daemon that is gone is lost: at most one path delay's worth.
    expect(up.missing().length).to.be.at.most(10);
    expect(down.missing().length).to.be.at.most(10);
  });

  for (const seed of seeds(31, 8)) {
    it(`restarts of either converge: it starts again, and its sessions are MPIP again, old and new (seed ${seed})`, () => {
      const { hosts, up, down, connection, stop } = running(seed, seed % 2 === 0);
      const { clock } = hosts.world;
      const victim = seed % 4 < 2 ? 'a' : 'b';
      hosts.mpipd(victim).kill();
      // Sometimes before the other side has noticed, sometimes long after.
      clock.runUntil(clock.now + new Random(seed).pick([1_000, 50_000, 500_000, 5e6]));
      const restarted = clock.now;
      hosts.start(victim);
      const fresh = hosts.udp('forward', 5555);
      let stopped = false;
      pace(fresh, { interval: 10_000, bytes: () => 100 }, () => stopped);
      const isMpip = (flow: UdpFlow): boolean => {
        const last = flow.arrivals.at(-1);
        return last !== undefined && last.time > restarted && last.via === 'tun';
      };
      const all = (): boolean => isMpip(fresh) && isMpip(up) && isMpip(down);
      expect(clock.run(restarted + 40e6, all), 'MPIP again').to.equal(true);
      expect(
        clock.run(clock.now + 120e6, () => connection.done),
        'TCP completes',
      ).to.equal(true);
      expect(connection.faults()).to.deep.equal([]);
      stopped = true;
      stop();
      clock.runUntil(clock.now + 2e6);
      expect([...fresh.duplicates(), ...up.duplicates(), ...down.duplicates()]).to.deep.equal([]);
      expect(fresh.foreign + up.foreign + down.foreign).to.equal(0);
    });
  }
});
