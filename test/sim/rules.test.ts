import { expect } from 'chai';
import type { NodeConfig } from '../../src/core/config.js';
import type { Ordering, PacketMatch, PathSelector, RoutingMode, RoutingRule } from '../../src/core/routing/rules.js';
import type { PathStatus, SessionStatus } from '../../src/core/status.js';
import { CM_BYTES, CmFlag, cmFlags, cmType, TAG_BYTES } from '../../src/core/wire/cm.js';
import { CmType } from '../../src/core/wire/control.js';
import { TwoHosts } from './scenario/two-hosts.js';
import type { LinkParameters } from './world/link.js';
import { Random } from './world/random.js';
import { pace, type UdpFlow } from './world/udp.js';

const TCP = 6;
const DATAGRAM = 200;
const INTERVAL = 2_000;
/** Nothing is dropped by a queue: what is lost then is the fault of the nodes. */
const ROOM = { rate: 50e6, queueBytes: 4 << 20 };

function rule(mode: RoutingMode, select: PathSelector = {}, match: PacketMatch = {}): RoutingRule {
  return { name: mode, match, mode, select, copies: mode === 'protected-path' ? 2 : 1 };
}

function link(delay: number, more: Partial<LinkParameters> = {}): Partial<LinkParameters> {
  return { ...ROOM, delay, ...more };
}

/** Two nodes, and on which of the paths each data packet of theirs leaves. */
class Scenario {
  readonly hosts: TwoHosts;
  /** Data packets on each path so far, by the sending node. */
  readonly sent: Record<'a' | 'b', number[]>;

  constructor(
    links: readonly Partial<LinkParameters>[],
    config: Partial<NodeConfig>,
    seed = 1,
    told: 'a' | 'both' = 'both',
  ) {
    const paths = links.map((both) => ({ family: 4 as const, forward: both, backward: both }));
    const gro = { mpipd: { gro: true } };
    this.hosts = new TwoHosts({ seed, cross: false, paths, a: gro, b: gro });
    this.sent = { a: links.map(() => 0), b: links.map(() => 0) };
    this.hosts.start('a', { ...config, peers: [this.hosts.address('b')] });
    this.hosts.start('b', told === 'both' ? config : {});
    for (const name of ['a', 'b'] as const) {
      const addresses = links.map((_, i) => this.hosts.address(name, i));
      this.hosts.mpipd(name).wireTap = (local, _, payload) => {
        const cm = payload.length - CM_BYTES - TAG_BYTES;
        if (cm >= 0 && (cmFlags(payload, cm) & CmFlag.AUTHENTICATED) !== 0 && cmType(payload, cm) === CmType.data) {
          this.sent[name][addresses.indexOf(local)]!++;
        }
      };
    }
    this.clock.runUntil(1e6);
  }

  get clock() {
    return this.hosts.world.clock;
  }

  /** A flow of datagrams from a to b for as long as the world goes, in MPIP when this returns. */
  flow(bytes = DATAGRAM): { flow: UdpFlow; stop(): void } {
    const flow = this.hosts.udp('forward');
    let stopped = false;
    pace(flow, { interval: INTERVAL, bytes: () => bytes }, () => stopped);
    expect(this.clock.run(this.clock.now + 10e6, () => flow.arrivals.at(-1)?.via === 'tun')).to.equal(true);
    this.pass(0.5e6);
    return {
      flow,
      stop: () => {
        stopped = true;
        this.pass(1e6);
      },
    };
  }

  pass(us: number): void {
    this.clock.runUntil(this.clock.now + us);
  }

  /** Data packets that `from` puts on each path during the next `us`. */
  during(us: number, from: 'a' | 'b' = 'a'): number[] {
    const before = [...this.sent[from]];
    this.pass(us);
    return this.sent[from].map((count, i) => count - before[i]!);
  }

  setRules(name: 'a' | 'b', rules: readonly RoutingRule[]): void {
    const { node, host } = this.hosts.mpipd(name);
    node.setRules(rules, host.now());
    node.flush(host.now());
  }

  packetsOf(name: 'a' | 'b', ruleName: string): number {
    return this.hosts.status(name).rules.find((other) => other.name === ruleName)!.packets;
  }

  session(name: 'a' | 'b', protocol: 'tcp' | 'udp'): SessionStatus {
    return this.hosts.status(name).sessions.find((session) => session.protocol === protocol)!;
  }

  path(name: 'a' | 'b', number: number): PathStatus {
    const [near, far] = [this.hosts.address(name, number), this.hosts.address(name === 'a' ? 'b' : 'a', number)];
    const { paths } = this.hosts.status(name);
    return paths.find(({ source, destination }) => source.address === near && destination.address === far)!;
  }
}

/** All datagrams came, each once, in order, and none was late. */
function expectPerfect(scenario: Scenario, flow: UdpFlow): void {
  expect(flow.missing()).to.deep.equal([]);
  expectOnceInOrder(scenario, flow);
}

function expectOnceInOrder(scenario: Scenario, flow: UdpFlow): void {
  expect(flow.foreign).to.equal(0);
  expect(flow.duplicates()).to.deep.equal([]);
  expect(flow.inversions()).to.deep.equal([]);
  expect(scenario.session('b', 'udp').reorder.late).to.equal(0);
}

function expectOnly(counts: readonly number[], path: number): void {
  expect(counts[path], String(counts)).to.be.greaterThan(100);
  expect(
    counts.filter((_, i) => i !== path).every((count) => count === 0),
    String(counts),
  ).to.equal(true);
}

describe('single-path', () => {
  const single = { rules: [rule('single-path')] };

  it('puts all packets on the path with the lowest delay, wherever that is', () => {
    for (const delays of [
      [5_000, 20_000],
      [20_000, 5_000],
      [20_000, 30_000, 8_000],
    ]) {
      const scenario = new Scenario(
        delays.map((delay) => link(delay)),
        single,
      );
      const { flow, stop } = scenario.flow();
      scenario.pass(2e6);
      expectOnly(scenario.during(2e6), delays.indexOf(Math.min(...delays)));
      stop();
      expectPerfect(scenario, flow);
    }
  });

  it('hands over without a lost or reordered packet when the interface of its path goes down', () => {
    for (const delays of [
      [5_000, 40_000],
      [40_000, 45_000],
    ]) {
      const scenario = new Scenario(
        delays.map((delay) => link(delay)),
        single,
      );
      const { flow, stop } = scenario.flow();
      const { a } = scenario.hosts;
      expectOnly(scenario.during(1e6), 0);
      a.host.setInterface(scenario.hosts.address('a', 0), false);
      expectOnly(scenario.during(2e6), 1);
      a.host.setInterface(scenario.hosts.address('a', 0), true);
      scenario.pass(3e6);
      expectOnly(scenario.during(1e6), delays[1]! - delays[0]! > 10_000 ? 0 : 1);
      stop();
      expectPerfect(scenario, flow);
    }
  });

  it('hands over what a silent path took with it, each datagram once, and a TCP stream is whole', () => {
    const scenario = new Scenario([link(5_000), link(20_000)], single);
    const { flow, stop } = scenario.flow();
    const connection = scenario.hosts.tcp({ upload: 8_000_000, download: 0 });
    scenario.pass(0.5e6);
    for (const way of [scenario.hosts.forward[0]!, scenario.hosts.backward[0]!]) {
      way.set({ loss: { kind: 'random', probability: 1 } });
    }
    const silentFrom = flow.sent;
    scenario.pass(0.5e6);
    const handedOver = flow.sent;
    expectOnly(scenario.during(1e6), 1);
    scenario.clock.run(scenario.clock.now + 60e6, () => connection.done);
    stop();
    expect(connection.faults()).to.deep.equal([]);
    expect(connection.throughTun).to.be.greaterThan(1000);
    expect(flow.foreign).to.equal(0);
    expect(flow.duplicates()).to.deep.equal([]);
    // Noticed after 0.2 s, what was sent meanwhile comes late; packets sent after that did not wait for all of it.
    expect(flow.inversions().length).to.equal(scenario.session('b', 'udp').reorder.late);
    expect(flow.inversions().filter((number) => number < silentFrom - 5 || number >= handedOver)).to.deep.equal([]);
    expect(flow.missing()).to.deep.equal([]);
  });

  it('moves within 2 s, without a lost or reordered packet, when another path becomes much faster', () => {
    const scenario = new Scenario([link(30_000), link(60_000)], single);
    const { flow, stop } = scenario.flow();
    expectOnly(scenario.during(1e6), 0);
    for (const way of [scenario.hosts.forward[1]!, scenario.hosts.backward[1]!]) way.set({ delay: 5_000 });
    scenario.pass(2e6);
    expectOnly(scenario.during(1e6), 1);
    stop();
    expectPerfect(scenario, flow);
  });

  it('leaves a path whose queue grows, and comes back once it is empty', () => {
    const scenario = new Scenario([link(5_000, { rate: 10e6 }), link(25_000)], single);
    const { flow, stop } = scenario.flow();
    expectOnly(scenario.during(1e6), 0);
    // Somebody else's packets fill the link for 3 s.
    const until = scenario.clock.now + 3e6;
    const foreign = new Uint8Array(1200);
    const fill = (): void => {
      if (scenario.clock.now > until) return;
      if (scenario.hosts.forward[0]!.backlog() < 80_000) scenario.hosts.forward[0]!.send(foreign, () => {});
      scenario.clock.after(500, fill);
    };
    fill();
    scenario.pass(1.5e6);
    expectOnly(scenario.during(1e6), 1);
    scenario.pass(4e6);
    expectOnly(scenario.during(1e6), 0);
    stop();
    expectPerfect(scenario, flow);
  });

  it('stays where it is while paths differ little', () => {
    const scenario = new Scenario([link(10_000, { jitter: 1_000 }), link(10_000, { jitter: 1_000 })], single);
    const { flow, stop } = scenario.flow();
    const counts = scenario.during(10e6);
    expectOnly(counts, counts[0]! > 0 ? 0 : 1);
    stop();
    expectPerfect(scenario, flow);
  });
});

describe('protected-path', () => {
  const rules = [rule('protected-path')];
  const lossy = link(10_000, { loss: { kind: 'random', probability: 0.05 } });

  for (const [name, other] of [
    ['equal', lossy],
    ['unequal', { ...lossy, delay: 25_000 }],
  ] as const) {
    it(`delivers 99.5 % over two ${name} paths that lose 5 % each, each datagram once and in order`, () => {
      const scenario = new Scenario([lossy, other], { rules });
      const { flow, stop } = scenario.flow();
      const first = flow.sent;
      const counts = scenario.during(10_000 * INTERVAL);
      expect(counts[0]).to.be.within(9_950, 10_050);
      // Both paths may be suspect for a moment when reports are lost, but not often.
      expect(counts[1]).to.be.within(9_900, 10_050);
      const total = flow.sent - first;
      stop();
      const missing = flow.missing().filter((number) => number >= first && number < first + total).length;
      expect(missing / total).to.be.below(0.005);
      // Each path alone loses ten times as many, so the copies did it.
      for (const way of scenario.hosts.forward) {
        expect(way.counters.lost / way.counters.sentPackets).to.be.within(0.04, 0.06);
      }
      expectOnceInOrder(scenario, flow);
    });
  }

  it('sees losses at once, since copies of other paths do not make a path look as if it reordered, and counts them right', () => {
    const scenario = new Scenario([lossy, { ...lossy, delay: 25_000 }], { rules });
    const { stop } = scenario.flow();
    scenario.pass(20e6);
    for (const number of [0, 1]) expect(scenario.path('a', number).loss, `path ${number}`).to.be.within(0.02, 0.09);
    stop();
    const { reorder, receivedPackets } = scenario.session('b', 'udp');
    // About 0.25 % of the packets are lost on both paths; the timer is for a path that falls silent.
    expect(reorder.losses).to.be.within(5, 60);
    expect(reorder.timeouts).to.equal(0);
    // Nine of ten packets come twice.
    expect(reorder.duplicates / receivedPackets).to.be.within(0.87, 0.93);
  });

  it('goes on over one path when the other goes, without a gap', () => {
    const scenario = new Scenario([link(10_000), link(20_000)], { rules });
    const { flow, stop } = scenario.flow();
    for (const way of [scenario.hosts.forward[0]!, scenario.hosts.backward[0]!]) {
      way.set({ loss: { kind: 'random', probability: 1 } });
    }
    scenario.pass(1e6);
    expectOnly(scenario.during(0.5e6), 1);
    stop();
    expectPerfect(scenario, flow);
  });

  it('carries a TCP stream whole', () => {
    const scenario = new Scenario([lossy, { ...lossy, delay: 12_000 }], { rules });
    const connection = scenario.hosts.tcp({ upload: 2_000_000, download: 500_000 });
    expect(scenario.clock.run(scenario.clock.now + 60e6, () => connection.done)).to.equal(true);
    scenario.pass(1e6);
    expect(connection.faults()).to.deep.equal([]);
    expect(connection.throughTun).to.be.greaterThan(1500);
    expect(Math.abs(scenario.sent.a[0]! - scenario.sent.a[1]!)).to.be.below(scenario.sent.a[0]! / 10);
  });
});

describe('selected-paths', () => {
  const reserve = { paths: [{ interfaces: ['eth1'], metered: true, backup: true }] };

  it('backup: is used only when no other selected path is live, by both ends though one alone was told', () => {
    const scenario = new Scenario([link(20_000), link(5_000)], reserve, 1, 'a');
    const { flow, stop } = scenario.flow();
    const echo = scenario.hosts.udp('backward');
    let ended = false;
    pace(echo, { interval: INTERVAL, bytes: () => DATAGRAM }, () => ended);
    scenario.pass(1e6);
    expectOnly(scenario.during(1e6), 0);
    expectOnly(scenario.during(1e6, 'b'), 0);
    expect(scenario.path('b', 1)).to.deep.include({ metered: true, backup: true, names: [] });
    const own = scenario.hosts.address('a', 0);
    scenario.hosts.a.host.setInterface(own, false);
    scenario.pass(0.5e6);
    expectOnly(scenario.during(1e6), 1);
    expectOnly(scenario.during(1e6, 'b'), 1);
    scenario.hosts.a.host.setInterface(own, true);
    scenario.pass(1e6);
    expectOnly(scenario.during(1e6), 0);
    expectOnly(scenario.during(1e6, 'b'), 0);
    // A rule that asks for it gets it; one that names both takes the other.
    scenario.setRules('a', [rule('selected-paths', { backup: true })]);
    expectOnly(scenario.during(1e6), 1);
    scenario.setRules('a', [rule('selected-paths', { interfaces: ['eth0', 'eth1'] })]);
    expectOnly(scenario.during(1e6), 0);
    ended = true;
    stop();
    expectPerfect(scenario, flow);
  });

  it('metered: a rule keeps its packets off metered paths, or on them, while there are such', () => {
    const paths = [{ name: 'lte', interfaces: ['eth1'], metered: true, backup: false }];
    const scenario = new Scenario([link(20_000), link(5_000)], { paths });
    const { flow, stop } = scenario.flow();
    expect(scenario.during(1e6)[1]!).to.be.greaterThan(100);
    scenario.setRules('a', [rule('selected-paths', { metered: false })]);
    expectOnly(scenario.during(1e6), 0);
    scenario.setRules('a', [rule('selected-paths', { metered: true })]);
    expectOnly(scenario.during(1e6), 1);
    scenario.setRules('a', [rule('single-path', { metered: false })]);
    scenario.hosts.a.host.setInterface(scenario.hosts.address('a', 0), false);
    scenario.pass(0.5e6);
    expectOnly(scenario.during(1e6), 1);
    stop();
    expectPerfect(scenario, flow);
  });

  it('by name: takes the paths that the configuration calls so', () => {
    const paths = [{ name: 'fast', addresses: ['10.3.0.2'], metered: false, backup: false }];
    const scenario = new Scenario([link(5_000), link(5_000), link(5_000)], { paths });
    const { flow, stop } = scenario.flow();
    expect([0, 1, 2].map((number) => scenario.path('a', number).names)).to.deep.equal([[], [], ['fast']]);
    scenario.setRules('a', [rule('selected-paths', { names: ['fast'] })]);
    expectOnly(scenario.during(1e6), 2);
    stop();
    expectPerfect(scenario, flow);
  });

  it('takes the interfaces and addresses that are named, and all paths while none of them is left', () => {
    const scenario = new Scenario([link(5_000), link(5_000), link(5_000)], {
      rules: [rule('selected-paths', { interfaces: ['eth1'] })],
    });
    const { flow, stop } = scenario.flow();
    expectOnly(scenario.during(1e6), 1);
    const own = scenario.hosts.address('a', 1);
    scenario.hosts.a.host.setInterface(own, false);
    const others = scenario.during(1e6);
    const handedOver = scenario.hosts.status('a').counters.handedOver!;
    expect(others[0]! + others[2]!).to.be.within(500, 500 + handedOver);
    scenario.hosts.a.host.setInterface(own, true);
    scenario.pass(1e6);
    expectOnly(scenario.during(1e6), 1);
    scenario.setRules('a', [rule('selected-paths', { addresses: [scenario.hosts.address('b', 2)] })]);
    expectOnly(scenario.during(1e6), 2);
    stop();
    expectPerfect(scenario, flow);
  });

  it('leaves out a path while its round trip is not below the bound', () => {
    const scenario = new Scenario([link(5_000), link(80_000)], {
      scheduler: 'paper',
      rules: [rule('selected-paths', { rttBelow: 50_000 })],
    });
    const { flow, stop } = scenario.flow();
    scenario.pass(2e6);
    expectOnly(scenario.during(1e6), 0);
    const ways = [scenario.hosts.forward[1]!, scenario.hosts.backward[1]!];
    for (const way of ways) way.set({ delay: 10_000 });
    scenario.pass(3e6);
    for (const count of scenario.during(1e6)) expect(count).to.be.greaterThan(100);
    for (const way of ways) way.set({ delay: 80_000 });
    scenario.pass(3e6);
    expectOnly(scenario.during(1e6), 0);
    stop();
    // A delay that jumps by 70 ms from one packet to the next makes packets late, but loses none.
    expect(flow.missing()).to.deep.equal([]);
    expect(flow.duplicates()).to.deep.equal([]);
  });

  it('leaves out a path that loses more than the bound, tries it again and takes it once it has recovered', () => {
    const scenario = new Scenario([link(10_000), link(10_000)], {
      scheduler: 'paper',
      rules: [rule('selected-paths', { lossBelow: 0.02 })],
    });
    const { stop } = scenario.flow();
    for (const count of scenario.during(1e6)) expect(count).to.be.greaterThan(100);
    const way = scenario.hosts.forward[1]!;
    way.set({ loss: { kind: 'random', probability: 0.2 } });
    scenario.pass(2e6);
    expectOnly(scenario.during(1e6), 0);
    // It is tried now and then, which costs little.
    const [good, bad] = scenario.during(60e6);
    expect(bad! / (good! + bad!)).to.be.within(0.001, 0.05);
    way.set({ loss: { kind: 'random', probability: 0 } });
    scenario.pass(40e6);
    for (const count of scenario.during(1e6)) expect(count).to.be.greaterThan(100);
    stop();
  });

  it('under the paper scheduler draws among its paths only, beside another rule that draws among all', () => {
    const odd = { from: 5001, to: 5001 };
    const scenario = new Scenario([link(5_000), link(5_000), link(5_000)], {
      scheduler: 'paper',
      rules: [rule('selected-paths', { interfaces: ['eth0', 'eth2'] }, { sourcePort: odd })],
    });
    const onlyTwo = scenario.hosts.udp('forward', 5001);
    let stopped = false;
    // Super-packets, so that the scheduler has drawn already for what comes next.
    const burst = (): number => 7;
    pace(onlyTwo, { interval: INTERVAL, bytes: () => DATAGRAM, burst }, () => stopped);
    scenario.pass(1e6);
    const [first, none, third] = scenario.during(2e6);
    expect(none).to.equal(0);
    // Weights wander, since any difference between two empty queues counts for Algorithm 1.
    expect(first! / third!).to.be.within(0.1, 10);
    const { flow: all } = scenario.flow();
    const both = scenario.during(2e6);
    expect(both[1]!).to.be.greaterThan(20);
    stopped = true;
    scenario.pass(0.1e6);
    expect(scenario.packetsOf('a', 'selected-paths')).to.be.greaterThan(1900);
    expect(onlyTwo.missing()).to.deep.equal([]);
    expect(all.duplicates()).to.deep.equal([]);
  });
});

describe('rules', () => {
  it('say for a session whether the packets that arrive are put in order, and how long they wait at most; from the next packet on', () => {
    const scenario = new Scenario([link(5_000), link(45_000)], { scheduler: 'paper' });
    const { flow, stop } = scenario.flow();
    const inverted = (us: number): number => {
      const before = flow.inversions().length;
      scenario.pass(us);
      return flow.inversions().length - before;
    };
    expect(inverted(2e6)).to.equal(0);
    expect(scenario.session('b', 'udp').reorder).to.deep.include({ mode: 'adaptive', holdLimitUs: 200_000 });
    const ordered = (ordering: Ordering): RoutingRule => ({ ...rule('all-paths', {}, { protocol: 17 }), ordering });
    scenario.setRules('b', [ordered({ on: false })]);
    expect(scenario.session('b', 'udp').reorder).to.deep.include({ mode: 'off', held: 0 });
    expect(inverted(2e6)).to.be.greaterThan(50);
    // The spread is 40 ms, so this limit is shorter than what the slow path needs.
    scenario.setRules('b', [ordered({ on: true, holdLimit: 10_000 })]);
    expect(scenario.session('b', 'udp').reorder).to.deep.include({ mode: 'adaptive', holdLimitUs: 10_000 });
    expect(inverted(2e6)).to.be.greaterThan(50);
    scenario.setRules('b', [ordered({ on: true })]);
    scenario.pass(0.2e6);
    expect(inverted(2e6)).to.equal(0);
    stop();
    expect(flow.missing()).to.deep.equal([]);
    expect(flow.duplicates()).to.deep.equal([]);
  });

  it('send pure ACKs on paths of their own, and copies of them over two lossy links', () => {
    const pureAck = { protocol: TCP, pureAck: true };
    const slow = { rate: 10e6 };
    const scenario = new Scenario([link(5_000, slow), link(15_000, slow)], {
      rules: [rule('selected-paths', { interfaces: ['eth1'] }, pureAck)],
    });
    const connection = scenario.hosts.tcp({ upload: 5_000_000, download: 0 });
    scenario.pass(0.3e6);
    const data = scenario.sent.a.map((count) => count);
    // b has nothing to send, so all but its FIN are pure ACKs.
    const [rest, acks] = scenario.during(0.3e6, 'b');
    expect(acks).to.be.greaterThan(100);
    expect(rest).to.be.at.most(1);
    expect(scenario.sent.a[0]! - data[0]!).to.be.greaterThan(100);
    for (const way of [...scenario.hosts.forward, ...scenario.hosts.backward]) {
      way.set({ loss: { kind: 'random', probability: 0.02 } });
    }
    scenario.setRules('b', [rule('protected-path', {}, pureAck)]);
    const [one, two] = scenario.during(1e6, 'b');
    expect(one).to.be.greaterThan(50);
    expect(Math.abs(one! - two!)).to.be.at.most(3);
    expect(scenario.clock.run(scenario.clock.now + 60e6, () => connection.done)).to.equal(true);
    scenario.pass(1e6);
    expect(connection.faults()).to.deep.equal([]);
  });

  it('take the first that matches, by the length of each packet, and count what each took', () => {
    const scenario = new Scenario([link(5_000), link(20_000)], {
      rules: [
        { ...rule('single-path', {}, { length: { from: 0, to: 228 } }), name: 'short' },
        { ...rule('selected-paths', { interfaces: ['eth1'] }, { length: { from: 0, to: 229 } }), name: 'longer' },
        { ...rule('single-path', {}, { length: { from: 0, to: 500 } }), name: 'rest' },
      ],
    });
    // 28 bytes are IP and UDP headers.
    const { flow, stop } = scenario.flow(200);
    expectOnly(scenario.during(1e6), 0);
    stop();
    const short = scenario.packetsOf('a', 'short');
    expect(short).to.equal(scenario.session('a', 'udp').sentPackets);
    for (let i = 0; i < 200; i++) {
      flow.send(201);
      flow.send(202, 3);
      scenario.pass(2_000);
    }
    scenario.pass(1e6);
    expect(scenario.packetsOf('a', 'short')).to.equal(short);
    expect(scenario.packetsOf('a', 'longer')).to.equal(200);
    expect(scenario.packetsOf('a', 'rest')).to.equal(600);
    expect(scenario.packetsOf('a', 'default')).to.equal(0);
    expectPerfect(scenario, flow);
  });

  it('that are replaced in the middle of a TCP transfer leave the stream whole and lose no datagram', () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = new Random(seed).fork('rules');
      const links = [link(random.scaled(1_000, 40_000)), link(random.scaled(1_000, 40_000)), link(10_000)];
      const scheduler = random.pick(['earliest', 'paper'] as const);
      const scenario = new Scenario(links, { scheduler }, seed);
      const { flow, stop } = scenario.flow();
      const connection = scenario.hosts.tcp({ upload: 12_000_000, download: 2_000_000 });
      const draw = (): RoutingRule[] =>
        Array.from({ length: random.integer(0, 3) }, (_, i) => {
          const mode = random.pick(['all-paths', 'selected-paths', 'single-path', 'protected-path'] as const);
          const select = random.pick<PathSelector>([
            {},
            { interfaces: [random.pick(['eth0', 'eth1', 'eth2', 'eth9'])] },
            { rttBelow: random.scaled(2_000, 90_000) },
          ]);
          const match = random.pick<PacketMatch>([
            {},
            { protocol: TCP, pureAck: random.chance(0.5) },
            { length: { from: 0, to: random.pick([100, 300, 1000]) } },
            { protocol: 17 },
          ]);
          return { ...rule(mode, mode === 'all-paths' ? {} : select, match), name: `r${i}` };
        });
      let changes = 0;
      const change = (): void => {
        if (connection.done) return;
        changes++;
        scenario.setRules(random.pick(['a', 'b'] as const), draw());
        scenario.clock.after(random.integer(5_000, 200_000), change);
      };
      scenario.pass(100_000);
      change();
      const done = scenario.clock.run(scenario.clock.now + 120e6, () => connection.done);
      stop();
      const name = `seed ${seed}`;
      expect(done, name).to.equal(true);
      expect(changes, name).to.be.greaterThan(5);
      expect(connection.faults(), name).to.deep.equal([]);
      expect(scenario.hosts.dropped.length, name).to.equal(0);
      expect(flow.missing(), name).to.deep.equal([]);
      expectOnceInOrder(scenario, flow);
      for (const side of ['a', 'b'] as const) {
        const { slotsAvailable, slotCount } = scenario.hosts.mpipd(side);
        expect(slotsAvailable, name).to.equal(slotCount);
      }
    }
  });
});
