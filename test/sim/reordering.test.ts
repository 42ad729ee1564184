import { expect } from 'chai';
import type { ReorderMode } from '../../src/core/config.js';
import { PAPER_LIMIT } from '../../src/core/reorder/reorder-buffer.js';
import { TwoHosts } from './scenario/two-hosts.js';
import { BulkTcp } from './world/bulk-tcp.js';
import type { LinkParameters } from './world/link.js';
import { pace, type UdpFlow } from './world/udp.js';

const SECOND = 1e6;
/** bit/s. */
const RATE = 40e6;
const FULL = 1500;
const DATAGRAM = 1200;
/** With IP, UDP, CM and tag. */
const DATAGRAM_ON_WIRE = DATAGRAM + 20 + 8 + 25 + 8;

/** Two nodes over two paths, the second `spread` us longer. */
function nodes(
  mode: ReorderMode,
  spread: number,
  change: Partial<LinkParameters> = {},
  every: Partial<LinkParameters> = {},
): TwoHosts {
  const links = [5_000, 5_000 + spread].map((delay) => ({
    rate: RATE,
    delay,
    jitter: 100,
    queueBytes: RATE / 8 / 20,
    ...every,
  }));
  const reorder = { tcp: mode, udp: mode };
  const scheduler = mode === 'paper' ? 'paper' : 'earliest';
  const side = { config: { reorder, scheduler } as const, mpipd: { gro: true } };
  const hosts = new TwoHosts({
    seed: 1,
    cross: false,
    paths: links.map((link, i) => ({ family: 4, forward: i === 1 ? { ...link, ...change } : link, backward: link })),
    a: side,
    b: side,
  });
  hosts.start('a', { peers: [hosts.address('b')] });
  hosts.start('b');
  hosts.world.clock.runUntil(SECOND);
  return hosts;
}

/** A TCP flow; to the segments that its receiver saw and the reorder buffer's counts. */
function transfer(
  mode: ReorderMode,
  spread: number,
  change: Partial<LinkParameters> = {},
  seconds = 6,
  every: Partial<LinkParameters> = {},
) {
  const hosts = nodes(mode, spread, change, every);
  const { clock } = hosts.world;
  const tcp = new BulkTcp({
    sender: hosts.a.host,
    receiver: hosts.b.host,
    from: { address: hosts.address('a'), port: 40_000 },
    to: { address: hosts.address('b'), port: 80 },
  });
  clock.runUntil(clock.now + seconds * SECOND);
  const counts = () => hosts.status('b').sessions[0]!.reorder;
  const leastDelays = () => hosts.status('a').paths.map(({ minDelayUs }) => minDelayUs);
  return { tcp, counts, leastDelays, drops: hosts.dropped.length };
}

describe('reordering as designed (timer, release on certain loss, adaptive size; `paper` mode with 100 packets)', function () {
  this.timeout(120_000);

  it('adaptive size: as much is held as the difference of the delays asks for, and nothing reaches TCP out of order', () => {
    for (const spread of [10_000, 40_000]) {
      const { tcp, counts, drops } = transfer('adaptive', spread);
      const { maxHeld, timeouts, late } = counts();
      expect(drops, 'the queues hold all').to.equal(0);
      expect([tcp.outOfOrder, timeouts, late]).to.deep.equal([0, 0, 0]);
      // Both paths together, for the difference and the queue of the longer path.
      expect(maxHeld).to.be.within(20, ((spread + 50_000) * 2 * RATE) / 8e6 / FULL);
    }
  });

  it('knows how short paths are whose queues have not been empty for a minute, and keeps their order', () => {
    const { counts, leastDelays } = transfer('adaptive', 8_000, {}, 60, { rate: 4e6, queueBytes: 150_000 });
    const { timeouts, late } = counts();
    expect([timeouts, late]).to.deep.equal([0, 0]);
    const [one, two] = leastDelays();
    expect(two! - one!).to.be.within(7_000, 9_000);
  });

  it('release on certain loss: a gap is given up as soon as both paths have brought something newer, without the timer', () => {
    const { tcp, counts } = transfer('adaptive', 10_000, { loss: { kind: 'random', probability: 0.001 } });
    const { losses, timeouts } = counts();
    expect(losses).to.be.greaterThan(0);
    expect(timeouts).to.be.at.most(losses / 10);
    expect(tcp.timeouts).to.equal(0);
  });

  /** Datagrams at three quarters of both paths: one that is lost is not sent again by anybody, and nothing slows down. */
  function datagrams(hosts: TwoHosts): { flow: UdpFlow; stop(): void } {
    const flow = hosts.udp('forward');
    let stopped = false;
    pace(flow, { interval: (DATAGRAM_ON_WIRE * 8e6) / (1.5 * RATE), bytes: () => DATAGRAM }, () => stopped);
    hosts.world.clock.runUntil(hosts.world.clock.now + 2 * SECOND);
    return {
      flow,
      stop: () => {
        stopped = true;
        hosts.world.clock.runUntil(hosts.world.clock.now + SECOND);
      },
    };
  }

  it('timer: what waits for a path that has fallen silent is let go after 200 ms at most', () => {
    const hosts = nodes('adaptive', 25_000);
    const { clock } = hosts.world;
    const { flow, stop } = datagrams(hosts);
    const silentFrom = clock.now;
    const before = hosts.forward.map(({ counters }) => counters.sentPackets);
    hosts.forward[1]!.set({ loss: { kind: 'random', probability: 1 } });
    clock.runUntil(clock.now + SECOND);
    stop();
    for (const [i, { counters }] of hosts.forward.entries())
      expect(counters.sentPackets - before[i]!, 'both were in use').to.be.greaterThan(100);
    const times = flow.arrivals.map(({ time }) => time).filter((time) => time > silentFrom - SECOND / 2);
    const standstill = Math.max(...times.slice(1).map((time, i) => time - times[i]!));
    expect(hosts.status('b').sessions[0]!.reorder.timeouts).to.be.at.least(1);
    expect(standstill).to.be.within(5_000, 200_000);
  });

  it('`paper` mode with 100 packets: pushes up all that it holds beyond, so that the application gets what the delays put out of order', () => {
    const hosts = nodes('paper', 60_000);
    const { flow, stop } = datagrams(hosts);
    stop();
    const { maxHeld, late } = hosts.status('b').sessions[0]!.reorder;
    expect(maxHeld).to.be.within(PAPER_LIMIT, PAPER_LIMIT + 64);
    expect(late).to.be.greaterThan(0);
    expect(flow.inversions().length).to.be.greaterThan(0);
    expect([...flow.missing(), ...flow.duplicates()]).to.deep.equal([]);
  });
});
