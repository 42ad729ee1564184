import { expect } from 'chai';
import type { PathStatus } from '../../src/core/status.js';
import { seeds } from './scenario/seeds.js';
import { TwoHosts } from './scenario/two-hosts.js';
import { pace, type UdpFlow } from './world/udp.js';

const RATE = 20e6;
const DELAYS = [5_000, 15_000];
const ROUND_TRIP = 2 * DELAYS[1]!;
/** A second and more at this are more than one path carries. */
const FULL = { interval: 350, bytes: 1000 };

/** Two nodes with two paths, and datagrams from a to b only. */
function oneWay(seed: number, load = FULL): { hosts: TwoHosts; flow: UdpFlow; stop(): void } {
  const paths = DELAYS.map((delay) => {
    const link = { rate: RATE, delay, queueBytes: 100_000 };
    return { family: 4 as const, forward: link, backward: link };
  });
  const hosts = new TwoHosts({ seed, cross: false, paths, a: { mpipd: { gro: true } }, b: { mpipd: { gro: true } } });
  hosts.start('a', { peers: [hosts.address('b')] });
  hosts.start('b');
  const { clock } = hosts.world;
  const flow = hosts.udp('forward');
  let stopped = false;
  pace(flow, { interval: load.interval, bytes: () => load.bytes }, () => stopped);
  expect(clock.run(5e6, () => flow.arrivals.at(-1)?.via === 'tun' && livePaths(hosts, 'a') === 2)).to.equal(true);
  clock.runUntil(clock.now + 2e6);
  return {
    hosts,
    flow,
    stop: () => {
      stopped = true;
      clock.runUntil(clock.now + 1e6);
    },
  };
}

function livePaths(hosts: TwoHosts, name: 'a' | 'b'): number {
  return hosts.status(name).paths.filter(({ state }) => state === 'live').length;
}

function path(hosts: TwoHosts, number: number): PathStatus {
  const [near, far] = [hosts.address('a', number), hosts.address('b', number)];
  return hosts
    .status('a')
    .paths.find(({ source, destination }) => source.address === near && destination.address === far)!;
}

describe('heartbeats for one-way traffic', () => {
  it("tell the sender each path's delay, queue, rate and loss, though no application answers", () => {
    const { hosts, flow, stop } = oneWay(1);
    const { clock } = hosts.world;
    expect(hosts.status('b').sessions.map(({ sentPackets }) => sentPackets)).to.deep.equal([0]);
    for (const number of [0, 1]) {
      const { rttUs, rateBps, loss } = path(hosts, number);
      expect(rttUs, 'round trip').to.be.within(2 * DELAYS[number]!, 2 * DELAYS[number]! + 60_000);
      // The slower path is not full, so all that is known is what it has not been found to exceed.
      if (number === 0) expect(rateBps! / RATE, 'rate').to.be.within(0.8, 1.3);
      expect(loss, 'loss').to.be.below(0.01);
    }
    hosts.forward[1]!.set({ loss: { kind: 'random', probability: 0.1 } });
    clock.runUntil(clock.now + 2e6);
    expect(path(hosts, 1).loss).to.be.within(0.05, 0.2);
    expect(path(hosts, 0).loss).to.be.below(0.01);
    stop();
    expect(flow.duplicates()).to.deep.equal([]);
  });

  it('tell the sender by how much the paths differ, to a millisecond', () => {
    const { hosts } = oneWay(4, { interval: 5_000, bytes: 200 });
    const [near, far] = [0, 1].map((number) => path(hosts, number).minDelayUs!);
    expect(far! - near!).to.be.within(9_000, 11_000);
  });

  for (const dead of [0, 1]) {
    for (const way of ['both ways', 'forward only', 'backward only'] as const) {
      it(`path ${dead} swallows all, ${way}: the other one is never taken for dead, and what goes on is whole`, () => {
        const { hosts, flow, stop } = oneWay(2, { interval: 1_000, bytes: 1000 });
        const { clock } = hosts.world;
        const links = [
          ...(way === 'backward only' ? [] : [hosts.forward[dead]!]),
          ...(way === 'forward only' ? [] : [hosts.backward[dead]!]),
        ];
        for (const link of links) link.set({ loss: { kind: 'random', probability: 1 } });
        const cut = { time: clock.now, sent: flow.sent };
        for (let i = 0; i < 200; i++) {
          clock.runUntil(clock.now + 10_000);
          expect(path(hosts, 1 - dead).state, `after ${i * 10} ms`).to.equal('live');
        }
        stop();
        const bins = new Set(
          flow.arrivals
            .filter(({ time }) => time > cut.time)
            .map(({ time }) => Math.floor((time - cut.time) / 400_000)),
        );
        expect([...bins]).to.include.members([0, 1, 2, 3, 4]);
        expect(flow.missing().filter((number) => number >= cut.sent)).to.deep.equal([]);
        expect(flow.duplicates()).to.deep.equal([]);
      });
    }
  }
});

describe('suspect, dead, live', () => {
  for (const seed of seeds(1, 4)) {
    it(`a path that falls silent is suspect within max(3 RTT, 200 ms) and a report, dead within 1 s, and live again within 1 s (seed ${seed})`, () => {
      const { hosts, stop } = oneWay(seed);
      const { clock } = hosts.world;
      const links = [hosts.forward[0]!, hosts.backward[0]!];
      for (const link of links) link.set({ loss: { kind: 'random', probability: 1 } });
      const reaches = (state: PathStatus['state'], us: number): void => {
        expect(
          clock.run(clock.now + us, () => path(hosts, 0).state === state),
          state,
        ).to.equal(true);
      };
      reaches('suspect', 350_000);
      reaches('dead', 1e6);
      clock.runUntil(clock.now + 5e6);
      for (const link of links) link.set({ loss: { kind: 'random', probability: 0 } });
      reaches('live', 1e6);
      stop();
    });
  }
});

describe('address list push on change', () => {
  for (const side of ['a', 'b'] as const) {
    it(`${side} loses an address and has it again: the other one knows in a round trip, though nothing is sent to it`, () => {
      const { hosts, stop } = oneWay(3, { interval: 20_000, bytes: 200 });
      const { clock } = hosts.world;
      const other = side === 'a' ? 'b' : 'a';
      const address = hosts.address(side, 1);
      const listed = (): boolean => hosts.status(other).peers[0]!.addresses.some((own) => own.address === address);
      expect(listed()).to.equal(true);
      hosts[side].host.setInterface(address, false);
      expect(
        clock.run(clock.now + ROUND_TRIP, () => !listed()),
        'removal',
      ).to.equal(true);
      expect(hosts.status(other).paths.filter(({ destination }) => destination.address === address)).to.deep.equal([]);
      clock.runUntil(clock.now + 5e6);
      hosts[side].host.setInterface(address, true);
      expect(clock.run(clock.now + ROUND_TRIP, listed), 'addition').to.equal(true);
      expect(
        clock.run(clock.now + 2 * ROUND_TRIP, () => livePaths(hosts, 'a') === 2 && livePaths(hosts, 'b') === 2),
        'its path',
      ).to.equal(true);
      stop();
    });
  }
});
