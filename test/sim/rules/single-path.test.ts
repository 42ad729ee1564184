import { expect } from 'chai';
import { expectOnly, expectPerfect, link, rule, Scenario } from './scenario.js';

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
