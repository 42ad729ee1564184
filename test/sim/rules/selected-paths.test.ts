import { expect } from 'chai';
import { pace } from '../world/udp.js';
import { DATAGRAM, expectOnly, expectPerfect, INTERVAL, link, rule, Scenario } from './scenario.js';

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

  it('a path that loses packets is tried with copies only where a rule of a session in use takes it, and never when it is metered', () => {
    const cases = [
      { name: 'no rule', rules: [], metered: false, tried: [1, 2] },
      {
        name: 'a rule for the first two',
        rules: [rule('selected-paths', { interfaces: ['eth0', 'eth1'] })],
        tried: [1],
      },
      { name: 'no rule, the second is metered', rules: [], metered: true, tried: [2] },
    ];
    for (const { name, rules, metered = false, tried } of cases) {
      const paths = metered ? [{ interfaces: ['eth1'], metered, backup: false }] : [];
      const scenario = new Scenario([link(5_000), link(5_000), link(5_000)], { paths });
      const { stop } = scenario.flow();
      const lossy = [1, 2].map((i) => scenario.hosts.forward[i]!);
      for (const way of lossy) way.set({ loss: { kind: 'random', probability: 0.1 } });
      // All three carry all, so what they lose is known.
      scenario.setRules('a', [{ ...rule('protected-path'), copies: 3 }]);
      scenario.pass(3e6);
      scenario.setRules('a', rules);
      const before = [...scenario.tried.a];
      scenario.pass(5e6);
      const counts = scenario.tried.a.map((count, i) => count - before[i]!);
      counts.forEach((count, i) => {
        if (tried.includes(i)) expect(count, `${name}: ${counts}`).to.be.greaterThan(50);
        else expect(count, `${name}: ${counts}`).to.equal(0);
      });
      stop();
    }
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

  it('by interface and address: takes those that are named, and all paths while none of them is left', () => {
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

  it('delay bound: leaves out a path while its round trip is not below it', () => {
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

  it('loss bound: leaves out a path that loses more, tries it again and takes it once it has recovered', () => {
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
    // Without a queue a microsecond decides how the paper's weights share a load out: what counts is that it is far more than a try.
    const [, recovered] = scenario.during(40e6);
    expect(recovered).to.be.greaterThan(1000);
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
