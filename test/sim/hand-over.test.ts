import { expect } from 'chai';
import { seeds } from './scenario/seeds.js';
import { TwoHosts } from './scenario/two-hosts.js';
import { BulkTcp } from './world/bulk-tcp.js';
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

/** Two TCP flows (CUBIC) that fill two paths of so many Mbit/s each; delay and queue in ms. */
function bulk(seed: number, rate: number, delay: number, queue: number): { hosts: TwoHosts; received: () => number } {
  const link = { rate: rate * 1e6, delay: delay * 1e3, jitter: 100, queueBytes: Math.max(15_000, rate * queue * 125) };
  const path = { family: 4 as const, forward: link, backward: link };
  const paths = [path, path];
  const hosts = new TwoHosts({ seed, cross: false, paths, a: { mpipd: { gro: true } }, b: { mpipd: { gro: true } } });
  hosts.start('a', { peers: [hosts.address('b')] });
  hosts.start('b');
  hosts.world.clock.runUntil(1e6);
  const flows = [0, 1].map(
    (i) =>
      new BulkTcp({
        sender: hosts.a.host,
        receiver: hosts.b.host,
        from: { address: hosts.address('a'), port: 40_000 + i },
        to: { address: hosts.address('b'), port: 80 + i },
      }),
  );
  return { hosts, received: () => flows.reduce((sum, flow) => sum + flow.received, 0) };
}

describe('hand-over between paths that are full', function () {
  this.timeout(120_000);

  /** When each path falls silent, and comes back, ms. */
  const silences = [
    { of: 'both paths, overlapping', rate: 10, delay: 5, queue: 100, from: [0, 150], to: [400, 550] },
    { of: 'both paths, one after the other', rate: 10, delay: 5, queue: 100, from: [0, 50], to: [250, 300] },
    { of: 'both paths at once', rate: 3, delay: 0, queue: 50, from: [0, 0], to: [300, 300] },
  ];
  for (const { of, rate, delay, queue, from, to } of silences) {
    for (const seed of seeds(1, 2)) {
      it(`ends with what the silence took: once paths are back, nothing is sent twice (${of}, seed ${seed})`, () => {
        const { hosts, received } = bulk(seed, rate, delay, queue);
        const { clock } = hosts.world;
        const goodput = (seconds: number): number => {
          const before = received();
          clock.runUntil(clock.now + seconds * 1e6);
          return ((received() - before) * 8) / seconds / 1e6;
        };
        goodput(3);
        const usual = goodput(2);
        expect(usual, 'Mbit/s over both').to.be.above(1.8 * rate);
        const start = clock.now;
        for (const [i, link] of hosts.forward.entries()) {
          clock.at(start + from[i]! * 1e3, () => link.setUp(false));
          clock.at(start + to[i]! * 1e3, () => link.setUp(true));
        }
        clock.runUntil(start + 1.5e6);
        const { handedOver } = hosts.status('a').counters;
        expect(handedOver).to.be.above(0);
        expect(goodput(2), 'Mbit/s afterwards').to.be.above(0.95 * usual);
        expect(hosts.status('a').counters.handedOver).to.equal(handedOver);
      });
    }
  }

  it('does not begin because of a queue alone, even one of 600 ms', () => {
    const { hosts } = bulk(1, 3, 5, 600);
    const { clock } = hosts.world;
    clock.runUntil(clock.now + 15e6);
    const { paths, counters } = hosts.status('a');
    const queues = paths.flatMap(({ maxQueuingDelayUs }) => maxQueuingDelayUs ?? []);
    expect(queues).to.have.lengthOf(2);
    for (const queue of queues) expect(queue).to.be.above(400_000);
    expect(counters.handedOver).to.equal(0);
    const states = hosts.mpipd('a').logLines.filter(({ event }) => event === 'path-state');
    expect(states.filter(({ fields }) => fields?.to === 'suspect')).to.deep.equal([]);
  });
});
