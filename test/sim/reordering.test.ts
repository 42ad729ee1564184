import { expect } from 'chai';
import type { ReorderMode } from '../../src/core/config.js';
import { PAPER_LIMIT } from '../../src/core/reorder/reorder-buffer.js';
import { TwoHosts } from './scenario/two-hosts.js';
import { BulkTcp } from './world/bulk-tcp.js';
import type { LinkParameters } from './world/link.js';

const SECOND = 1e6;
/** bit/s. */
const RATE = 40e6;
const FULL = 1500;

/** A TCP flow over two paths, the second `spread` us longer; to the segments that its receiver saw and the reorder buffer's counts. */
function transfer(mode: ReorderMode, spread: number, change: Partial<LinkParameters> = {}, seconds = 6) {
  const links = [5_000, 5_000 + spread].map((delay) => ({ rate: RATE, delay, jitter: 100, queueBytes: RATE / 8 / 20 }));
  const reorder = { tcp: mode, udp: mode };
  const side = { config: { reorder }, mpipd: { gro: true } };
  const hosts = new TwoHosts({
    seed: 1,
    cross: false,
    paths: links.map((link, i) => ({ family: 4, forward: i === 1 ? { ...link, ...change } : link, backward: link })),
    a: side,
    b: side,
  });
  const { clock } = hosts.world;
  hosts.start('a', { peers: [hosts.address('b')] });
  hosts.start('b');
  clock.runUntil(SECOND);
  const tcp = new BulkTcp({
    sender: hosts.a.host,
    receiver: hosts.b.host,
    from: { address: hosts.address('a'), port: 40_000 },
    to: { address: hosts.address('b'), port: 80 },
  });
  clock.runUntil(clock.now + seconds * SECOND);
  const counts = () => hosts.status('b').sessions[0]!.reorder;
  return { hosts, tcp, counts, clock, drops: hosts.dropped.length };
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

  it('release on certain loss: a gap is given up as soon as both paths have brought something newer, without the timer', () => {
    const { tcp, counts } = transfer('adaptive', 10_000, { loss: { kind: 'random', probability: 0.001 } });
    const { losses, timeouts } = counts();
    expect(losses).to.be.greaterThan(0);
    expect(timeouts).to.be.at.most(losses / 10);
    expect(tcp.timeouts).to.equal(0);
  });

  it('timer: what waits for a path that has fallen silent is let go after 200 ms at most', () => {
    const { hosts, tcp, counts, clock } = transfer('adaptive', 25_000, {}, 4);
    hosts.forward[1]!.set({ loss: { kind: 'random', probability: 1 } });
    let [received, last, standstill] = [tcp.received, clock.now, 0];
    const end = clock.now + 2 * SECOND;
    while (clock.now < end) {
      clock.runUntil(clock.now + 5_000);
      if (tcp.received > received) [received, last] = [tcp.received, clock.now];
      standstill = Math.max(standstill, clock.now - last);
    }
    expect(counts().timeouts).to.be.at.least(1);
    // TCP itself may have to time out once for what it has lost.
    expect(standstill).to.be.below(1.2 * SECOND);
  });

  it('`paper` mode with 100 packets: pushes up all that it holds beyond, so that TCP gets what the delays put out of order', () => {
    const { tcp, counts } = transfer('paper', 40_000);
    expect(counts().maxHeld).to.be.within(PAPER_LIMIT, PAPER_LIMIT + 64);
    expect(tcp.outOfOrder).to.be.greaterThan(0);
  });
});
