import { expect } from 'chai';
import type { RoutingMode } from '../../../src/core/routing/rules.js';
import { expectOnceInOrder, expectOnly, expectPerfect, INTERVAL, link, rule, Scenario } from './scenario.js';

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
    // What is smoothed over a few reports of some ten packets scatters; its mean does not.
    const sums = [0, 0];
    for (let second = 0; second < 20; second++) {
      scenario.pass(1e6);
      sums.forEach((_, number) => {
        sums[number]! += scenario.path('a', number).loss;
      });
    }
    for (const sum of sums) expect(sum / 20, String(sums)).to.be.within(0.03, 0.07);
    stop();
    const { reorder, receivedPackets } = scenario.session('b', 'udp');
    // About 0.25 % of the packets are lost on both paths; the timer is for a path that falls silent.
    expect(reorder.losses).to.be.within(5, 60);
    expect(reorder.timeouts).to.equal(0);
    // Nine of ten packets come twice.
    expect(reorder.duplicates / receivedPackets).to.be.within(0.87, 0.93);
  });

  it('counts the bytes that packets of a rule cost, each copy among them, as the paths count them', () => {
    const paths = [link(10_000), link(20_000)];
    const cost = (mode: RoutingMode): { rule: number; paths: number; packets: number } => {
      const scenario = new Scenario(paths, { rules: [rule(mode)] });
      const { stop } = scenario.flow();
      const onPaths = (): number => scenario.path('a', 0).sentBytes + scenario.path('a', 1).sentBytes;
      const before = [scenario.bytesOf('a', mode), onPaths(), scenario.packetsOf('a', mode)] as const;
      scenario.pass(2e6);
      const [bytes, all, packets] = [scenario.bytesOf('a', mode), onPaths(), scenario.packetsOf('a', mode)];
      stop();
      expect(scenario.bytesOf('a', 'default')).to.equal(0);
      return { rule: bytes - before[0], paths: all - before[1], packets: packets - before[2] };
    };
    const [one, two] = [cost('single-path'), cost('protected-path')];
    expect(one.packets).to.be.greaterThan(900);
    expect(two.rule / two.packets).to.equal((2 * one.rule) / one.packets);
    for (const { rule: ofRule, paths: ofPaths } of [one, two]) {
      // Paths count what the nodes tell each other, too.
      expect(ofRule).to.be.within(0.9 * ofPaths, ofPaths);
    }
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

  it('leaves a path that its copies overloaded as fit for use as it was', () => {
    const full = { rate: 16e6, queueBytes: 40_000 };
    const scenario = new Scenario([link(5_000, full), link(5_000, { ...full, rate: 8e6 })], { rules });
    scenario.hosts.tcp({ upload: 100_000_000 });
    scenario.pass(4e6);
    expect(scenario.hosts.forward[1]!.counters.queueFull).to.be.greaterThan(500);
    scenario.setRules('a', []);
    // What its copies left in the queue has gone by then.
    scenario.pass(0.3e6);
    for (let window = 0; window < 10; window++) {
      const [one, two] = scenario.during(0.2e6);
      expect(two! / (one! + two!), `window ${window}`).to.be.within(0.2, 0.5);
    }
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
