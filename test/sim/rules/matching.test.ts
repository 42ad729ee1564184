import { expect } from 'chai';
import type { Ordering, PacketMatch, PathSelector, RoutingRule } from '../../../src/core/routing/rules.js';
import { finishIpHeader, udpPacket } from '../world/packet.js';
import { Random } from '../world/random.js';
import { expectOnceInOrder, expectOnly, expectPerfect, link, rule, Scenario, TCP } from './scenario.js';

/** Datagrams of one size from a to b. */
interface Traffic {
  readonly path: number;
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
  readonly dscp: number;
}

const USUAL: Traffic = { path: 0, from: 5000, to: 6000, bytes: 300, dscp: 0 };
const PER_SECOND = 100;

function send({ hosts, clock }: Scenario, { path, from, to, bytes, dscp }: Traffic): void {
  const source = { address: hosts.address('a', path), port: from };
  const destination = { address: hosts.address('b', path), port: to };
  hosts.b.host.bindUdp(destination, source, () => {});
  const step = (): void => {
    // 28 bytes are IP and UDP headers.
    const outgoing = udpPacket({ source, destination, payload: new Uint8Array(bytes - 28) }, 0, 0);
    outgoing.packet[1] = dscp << 2;
    finishIpHeader(outgoing.packet, 20);
    hosts.a.host.send(outgoing);
    clock.after(1e6 / PER_SECOND, step);
  };
  step();
}

const address = (text: string, bits: number): PacketMatch => ({
  destination: { bytes: Uint8Array.from(text.split('.').map(Number)), bits },
});

/** What a rule matches, what its packets have, and what those that are not its own have. */
const CRITERIA: readonly (readonly [string, PacketMatch, Partial<Traffic>, Partial<Traffic>])[] = [
  ['destination address', address('10.2.0.2', 32), { path: 1 }, { path: 0 }],
  ['destination prefix', address('10.2.0.0', 15), { path: 1 }, { path: 0 }],
  ['source port', { sourcePort: { from: 5001, to: 5001 } }, { from: 5001 }, { from: 5002 }],
  ['a range of destination ports', { destinationPort: { from: 6000, to: 6010 } }, { to: 6010 }, { to: 6011 }],
  ['a packet length range', { length: { from: 200, to: 400 } }, { bytes: 400, to: 6001 }, { bytes: 401 }],
  ['DSCP', { dscp: 46 }, { dscp: 46, to: 6001 }, { dscp: 45 }],
  ['protocol', { protocol: 17 }, {}, {}],
];

describe('rules by destination address or prefix, source and destination port, protocol, packet length range, DSCP', () => {
  for (const [what, match, own, other] of CRITERIA) {
    it(`match by ${what}: exactly these packets take the paths of the rule`, () => {
      const rate = { rate: 5e6 };
      const scenario = new Scenario([link(20_000, rate), link(5_000, rate)], {
        rules: [rule('selected-paths', { interfaces: ['eth0'] }, match)],
      });
      send(scenario, { ...USUAL, ...own });
      if (what === 'protocol') scenario.hosts.tcp({ upload: 40_000_000, download: 0 });
      else send(scenario, { ...USUAL, ...other });
      scenario.pass(2e6);
      const before = scenario.packetsOf('a', 'selected-paths');
      const [first, second] = scenario.during(2e6);
      expect(scenario.packetsOf('a', 'selected-paths') - before).to.equal(2 * PER_SECOND);
      // The other path is the faster one: all else takes it, but for TCP, which fills both.
      expect(second).to.be.at.least(2 * PER_SECOND);
      if (what === 'protocol') expect(first).to.be.greaterThan(2 * PER_SECOND);
      else expect([first, second]).to.deep.equal([2 * PER_SECOND, 2 * PER_SECOND]);
    });
  }
});

describe('rules', () => {
  it('per-rule reorder and hold limit: say for a session whether the packets that arrive are put in order, and how long they wait at most; from the next packet on', () => {
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

  it('of their own for pure ACKs: send them on paths of their own, and copies of them over two lossy links', () => {
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

  it('first match: take the first that matches, by the length of each packet, and count what each took', () => {
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
