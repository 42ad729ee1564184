import { expect } from 'chai';
import { seeds } from './scenario/seeds.js';
import { TwoHosts } from './scenario/two-hosts.js';
import { pace, type UdpFlow } from './world/udp.js';

const WARM_UP_US = 20e6;

interface Call {
  readonly hosts: TwoHosts;
  readonly flow: UdpFlow;
  stop(): void;
}

/** The nearer path fills up, so that a stream of 20 Mbit/s uses both; the other one could carry it alone. */
const RATES = [12e6, 60e6];
const FAILS = 0;
/** A silence is noticed after 0.2 s; what it took goes out again within 0.1 s and the path's own delay and queue. */
const LATEST_COPY_US = 450_000;

/** A dense stream of datagrams that uses both paths. */
function call(seed: number): Call {
  const delays = [5_000 + seed * 500, 15_000];
  const paths = delays.map((delay, i) => {
    const link = { rate: RATES[i]!, delay, queueBytes: 100_000 };
    return { family: 4 as const, forward: link, backward: link };
  });
  const hosts = new TwoHosts({ seed, cross: false, paths, a: { mpipd: { gro: true } }, b: { mpipd: { gro: true } } });
  hosts.start('a');
  hosts.start('b');
  const flow = hosts.udp('forward');
  let stopped = false;
  pace(flow, { interval: 400, bytes: () => 1000 }, () => stopped);
  const { clock } = hosts.world;
  const uses = (): boolean =>
    flow.arrivals.at(-1)?.via === 'tun' &&
    hosts.status('a').paths.filter(({ sentPackets }) => sentPackets > 100).length === 2;
  expect(clock.run(WARM_UP_US, uses), 'both paths in use').to.equal(true);
  return {
    hosts,
    flow,
    stop: () => {
      stopped = true;
    },
  };
}

/** Numbers of the datagrams sent after `since` us that never came. */
function missing(flow: UdpFlow, from: number): number[] {
  return flow.missing().filter((number) => number >= from);
}

describe('zero-loss hand-over: a path that fails with packets under way', () => {
  for (const seed of seeds(1, 8)) {
    it(`loses nothing when its interface goes: what had not arrived takes the other path (seed ${seed})`, () => {
      const { hosts, flow, stop } = call(seed);
      const { clock } = hosts.world;
      const from = flow.sent - 200;
      const lostBefore = hosts.droppedNumbers(flow);
      hosts.forward[FAILS]!.setUp(false);
      hosts.backward[FAILS]!.setUp(false);
      hosts.a.host.setInterface(hosts.address('a', FAILS), false);
      clock.runUntil(clock.now + 1e6);
      stop();
      clock.runUntil(clock.now + 1e6);
      expect(hosts.status('a').counters.handedOver).to.be.greaterThan(0);
      expect(missing(flow, from).filter((number) => !lostBefore.has(number))).to.deep.equal([]);
      expect(flow.duplicates()).to.deep.equal([]);
    });

    for (const side of ['a', 'b'] as const) {
      it(`keeps its sessions when the interface with their own address goes at ${side}, and is used again (seed ${seed})`, () => {
        const { hosts, flow, stop } = call(seed);
        const { clock } = hosts.world;
        const connection = hosts.tcp({ upload: 2_000_000, download: 500_000 });
        clock.runUntil(clock.now + 100_000);
        const address = hosts.address(side, FAILS);
        hosts.forward[FAILS]!.setUp(false);
        hosts.backward[FAILS]!.setUp(false);
        hosts[side].host.setInterface(address, false);
        const cutAt = clock.now;
        clock.runUntil(cutAt + 3e6);
        expect(
          flow.arrivals.filter(({ time }) => time > cutAt + 2e6).length,
          'datagrams in the third second',
        ).to.be.above(2000);
        hosts.forward[FAILS]!.setUp(true);
        hosts.backward[FAILS]!.setUp(true);
        hosts[side].host.setInterface(address, true);
        const uses = (): boolean => hosts.status('a').paths.filter(({ state }) => state === 'live').length === 2;
        expect(clock.run(clock.now + 1e6, uses), 'both paths live within 1 s').to.equal(true);
        expect(hosts[side].host.pinned.size, 'pinned addresses').to.equal(0);
        stop();
        clock.run(clock.now + 20e6, () => connection.done);
        expect(connection.done, 'the stream is complete and intact').to.equal(true);
        expect(flow.duplicates()).to.deep.equal([]);
      });
    }

    it(`loses nothing of TCP's and little of UDP's when it falls silent, and what is sent again is not stale (seed ${seed})`, () => {
      const { hosts, flow, stop } = call(seed);
      const { clock } = hosts.world;
      const connection = hosts.tcp({ upload: 300_000, download: 0 });
      clock.runUntil(clock.now + 30_000);
      const from = flow.sent;
      hosts.forward[FAILS]!.setUp(false);
      hosts.backward[FAILS]!.setUp(false);
      clock.runUntil(clock.now + 3e6);
      stop();
      clock.run(clock.now + 20e6, () => connection.done);
      clock.runUntil(clock.now + 1e6);
      expect(connection.done, 'the stream is complete and intact').to.equal(true);
      // What was sent in the 0.2 s and more until the silence was noticed, less what the other path carries in 0.1 s.
      expect(missing(flow, from).length / (flow.sent - from)).to.be.below(0.03);
      expect(flow.slowest()).to.be.below(LATEST_COPY_US);
      expect(flow.duplicates()).to.deep.equal([]);
    });
  }
});
