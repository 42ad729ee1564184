import { expect } from 'chai';
import type { NodeConfig } from '../../src/core/config.js';
import type { PathStatus } from '../../src/core/status.js';
import { CM_BYTES, cmType, TAG_BYTES } from '../../src/core/wire/cm.js';
import { CmType } from '../../src/core/wire/control.js';
import { rule } from './rules/scenario.js';
import { SharedNics, type SharedNicsParameters, shaped } from './scenario/shared-nics.js';
import type { LinkParameters } from './world/link.js';

const FAST = shaped(1000);
/** Payload of a full packet as a share of the packet, with TCP timestamps; and UDP payload of full packets with what is around it. */
const MPIP_SHARE = 1407 / 1500;
const DATAGRAM = 1400;
const DATAGRAM_ON_WIRE = 1461;
const CALL = { bytes: 200, interval: 20_000 };

/** Data packets by path ("a0 b1") that a has sent. */
class Sent {
  private counts = new Map<string, number>();

  constructor(private readonly world: SharedNics) {
    world.hosts.a.mpipd!.udp.tap = (local, remote, payload) => {
      if (cmType(payload, payload.length - CM_BYTES - TAG_BYTES) !== CmType.data) return;
      const path = `a${local.split('.')[2]} b${remote.address.split('.')[2]}`;
      this.counts.set(path, (this.counts.get(path) ?? 0) + 1);
    };
  }

  /** Those of the next `us`. */
  during(us: number): Record<string, number> {
    this.counts.clear();
    this.world.pass(us);
    return Object.fromEntries(this.counts);
  }
}

/** Two NICs at each end, the second one of `far` much farther: the second fastest path shares the first one with the fastest. */
function call(config: Partial<NodeConfig>, far: 'a' | 'b' = 'a', seed = 1) {
  const nics = (name: 'a' | 'b'): Partial<LinkParameters>[] => [3, name === far ? 18 : 6].map((ms) => shaped(20, ms));
  const world = new SharedNics({ seed, a: nics('a'), b: nics('b') }).up(config);
  const flow = world.udp(CALL.bytes, CALL.interval);
  // Reports come in turn on all paths: what they tell last before a failure depends on when that is.
  world.pass(3e6 + seed * 17_000);
  return { world, flow, sent: new Sent(world) };
}

function silence(world: SharedNics, name: 'a' | 'b', nic: number): void {
  const { up, down } = world.nics[name][nic]!;
  up.setUp(false);
  down.setUp(false);
}

describe('shared-NIC groups are known', function () {
  this.timeout(180_000);

  it('at either end, of the addresses of both families', () => {
    const world = new SharedNics({ a: [FAST, FAST], b: [FAST, FAST, FAST], dual: true }).up();
    for (const [name, other] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      const nicOf = new Map<number | null, Set<string>>();
      for (const { destination, destinationNic } of world.paths(name)) {
        nicOf.set(destinationNic, (nicOf.get(destinationNic) ?? new Set()).add(destination.address));
      }
      const expected = world.nics[other].map((_, nic) =>
        [4, 6].map((family) => world.address(other, nic, family as 4 | 6)),
      );
      expect([...nicOf.values()].map((addresses) => [...addresses].sort())).to.have.deep.members(expected);
      expect([...nicOf.keys()]).not.to.include(null);
    }
  });

  describe('protected-path', () => {
    const rules = [rule('protected-path')];

    it('sends its copies over paths that share no NIC, though a faster one would share it', () => {
      const { sent } = call({ rules });
      const { 'a0 b0': first = 0, 'a1 b1': second = 0, ...others } = sent.during(4e6);
      expect([first, second]).to.deep.equal([200, 200]);
      expect(others).to.deep.equal({});
    });

    it('sends them over one NIC while there is no other', () => {
      const { world, sent } = call({ rules });
      world.hosts.a.setInterface(world.address('a', 1), false);
      world.pass(0.5e6);
      expect(sent.during(4e6)).to.deep.equal({ 'a0 b0': 200, 'a0 b1': 200 });
    });
  });

  for (const [title, rules] of [
    ['all-paths', []],
    ['single-path', [rule('single-path')]],
  ] as const) {
    for (const name of ['a', 'b'] as const) {
      it(`${title}: when a NIC at ${name} falls silent, no packet is risked on another path over it`, () => {
        for (let seed = 1; seed <= 8; seed++) {
          const { world, flow, sent } = call({ rules }, name, seed);
          const from = flow.sent;
          silence(world, name, 0);
          const both = sent.during(3e6);
          const [fastest, other] = name === 'a' ? ['a0 b0', 'a0 b1'] : ['a0 b0', 'a1 b0'];
          expect(both[fastest], `seed ${seed}: until the silence was noticed`).to.be.within(5, 30);
          expect(both[other] ?? 0, `seed ${seed}: ${JSON.stringify(both)}`).to.equal(0);
          expect(flow.missing().filter((number) => number >= from && number < flow.sent - 10)).to.deep.equal([]);
        }
      });
    }
  }

  it('a path that falls silent for a reason of its own takes no other one with it', () => {
    const { world, sent } = call({});
    const { network } = world.world;
    network.connect(world.address('a', 0), world.address('b', 0), [
      world.world.link('hole', { loss: { kind: 'random', probability: 1 } }),
    ]);
    world.pass(1e6);
    const states = (paths: PathStatus[]): string[] =>
      paths
        .filter(({ state }) => state === 'live')
        .map(({ source, destination }) => `${source.address} ${destination.address}`);
    expect(states(world.paths('a'))).to.have.members([
      `${world.address('a', 0)} ${world.address('b', 1)}`,
      `${world.address('a', 1)} ${world.address('b', 0)}`,
      `${world.address('a', 1)} ${world.address('b', 1)}`,
    ]);
    // The nearest one of those that are left.
    expect(sent.during(2e6)).to.deep.equal({ 'a0 b1': 100 });
  });

  it('pairs that share no address are searched for first: where there are too many, each NIC has its paths', () => {
    const nics = Array.from({ length: 12 }, () => FAST);
    const world = new SharedNics({ a: nics, b: nics });
    world.start('a', { peers: [world.address('b')] });
    world.start('b');
    world.pass(2e6);
    const live = world.paths('a').filter(({ state }) => state === 'live');
    expect(live.length).to.be.within(100, 128);
    expect(new Set(live.map(({ source }) => source.address)).size).to.equal(12);
    expect(new Set(live.map(({ destination }) => destination.address)).size).to.equal(12);
    for (let nic = 0; nic < 12; nic++) {
      const pair = live.find(
        ({ source, destination }) =>
          source.address === world.address('a', nic) && destination.address === world.address('b', nic),
      );
      expect(pair, `a${nic} b${nic}`).not.to.equal(undefined);
    }
  });
});

/** Where what two paths carry is not the sum of what each of them carries alone. Rates in Mbit/s. */
interface Bottleneck {
  readonly title: string;
  readonly parameters: SharedNicsParameters;
  readonly limit: number;
}

const near = (...rates: number[]): Partial<LinkParameters>[] => rates.map((rate) => shaped(rate, 5));
const fast = (count: number): Partial<LinkParameters>[] => Array.from({ length: count }, () => FAST);

const NICS: readonly Bottleneck[] = [
  { title: 'the sender’s NICs, 20 and 40 Mbit/s', parameters: { a: near(20, 40), b: fast(2) }, limit: 60 },
  { title: 'the receiver’s NICs, 20 and 40 Mbit/s', parameters: { a: fast(2), b: near(20, 40) }, limit: 60 },
  { title: 'four NICs of 20 Mbit/s, 16 paths', parameters: { a: near(20, 20, 20, 20), b: fast(4) }, limit: 80 },
];
const BEHIND: Bottleneck = {
  title: 'what lies behind fast NICs, 20, 15, 10 and 15 Mbit/s',
  parameters: {
    a: fast(2),
    b: fast(2),
    between: (a, b) => shaped([20, 15, 10, 15][2 * a + b]!, 5),
  },
  limit: 60,
};

/** Goodput of one TCP flow in its first 2 s and in the 3 s after that, as shares of the limit. */
function tcp({ parameters, limit }: Bottleneck): { begin: number; settled: number } {
  const world = new SharedNics(parameters).up();
  const flow = world.tcp();
  const share = (seconds: number): number => {
    const before = flow.received;
    world.pass(seconds * 1e6);
    return ((flow.received - before) * 8) / (seconds * 1e6 * limit * MPIP_SHARE);
  };
  return { begin: share(2), settled: share(3) };
}

/** Share of a flow of 95 % of the limit that is lost in its first 2 s and in the 2 s after that. */
function udp({ parameters, limit }: Bottleneck): { begin: number; settled: number } {
  const world = new SharedNics(parameters).up();
  world.udp(CALL.bytes, CALL.interval);
  world.pass(2e6);
  const flow = world.udp(DATAGRAM, (DATAGRAM_ON_WIRE * 8) / (0.95 * limit));
  // The very first datagrams go natively, over one path.
  world.pass(0.1e6);
  const first = flow.sent;
  world.pass(2e6);
  const middle = flow.sent;
  world.pass(2e6);
  const last = flow.sent;
  world.pass(0.1e6);
  const missing = flow.missing();
  const lost = (from: number, to: number): number =>
    missing.filter((number) => number >= from && number < to).length / (to - from);
  return { begin: lost(first, middle), settled: lost(middle, last) };
}

describe('shared-NIC groups are known: no capacity is counted twice', function () {
  this.timeout(180_000);

  for (const bottleneck of NICS) {
    it(`where the bottleneck is ${bottleneck.title}, TCP starts as fast as over disjoint paths, and then fills it`, () => {
      const disjoint = tcp({ ...bottleneck, parameters: { ...bottleneck.parameters, connected: (a, b) => a === b } });
      const { begin, settled } = tcp(bottleneck);
      expect(begin / disjoint.begin).to.be.at.least(0.95);
      expect(settled).to.be.at.least(0.98);
    });

    it(`where the bottleneck is ${bottleneck.title}, UDP at 95 % of it loses little at first and then nothing`, () => {
      const { begin, settled } = udp(bottleneck);
      expect(begin).to.be.below(0.01);
      expect(settled).to.equal(0);
    });
  }

  it(`where the bottleneck is ${BEHIND.title}, all four paths are filled`, () => {
    const { begin, settled } = tcp(BEHIND);
    expect(begin).to.be.at.least(0.95);
    expect(settled).to.be.at.least(0.98);
    expect(udp(BEHIND).settled).to.equal(0);
  });
});
