import { expect } from 'chai';
import fc from 'fast-check';
import { EarliestScheduler } from '../../../src/core/routing/earliest.js';
import { PaperScheduler } from '../../../src/core/routing/paper.js';
import { PathTrait } from '../../../src/core/routing/path-traits.js';
import { MAX_WEIGHT, MIN_WEIGHT, type Scheduler } from '../../../src/core/routing/scheduler.js';
import { Path } from '../../../src/core/tables/paths.js';
import { Peer } from '../../../src/core/tables/peers.js';

const LOCAL = { id: 1, address: '10.1.0.1', interface: 'eth0', interfaceIndex: 2, mtu: 1500 };
const FULL = 1500;

function makePaths(count: number, scheduler: Scheduler): Path[] {
  const id = new Uint8Array(8);
  const peer = new Peer(id, 1, 1, new Uint8Array(32), false, scheduler, 1, 0, () => {});
  const remote = { address: '10.1.0.2', port: 6747 };
  const paths = Array.from(
    { length: count },
    (_, i) => new Path(peer, i + 1, LOCAL, remote, i, undefined, 30e6, () => {}),
  );
  scheduler.pathsChanged(paths, 0);
  return paths;
}

/** Delay samples until the path's smoothed queuing delay is near `queuing`. */
function queue(path: Path, queuing: number): void {
  path.delay.add(0, 0);
  for (let i = 0; i < 60; i++) path.delay.add(queuing, 0);
}

describe('paper scheduler (Algorithm 1)', () => {
  it('starts with 1000 / N for each path', () => {
    for (const count of [1, 2, 4]) {
      const scheduler = new PaperScheduler(1);
      const weights = makePaths(count, scheduler).map((path) => scheduler.weight(path));
      expect(weights).to.deep.equal(new Array(count).fill(1000 / count));
    }
  });

  it('adds S = 10 to paths at or below the average queuing delay and takes it from the others, within 1 and 1000', () => {
    const scheduler = new PaperScheduler(1);
    const [fast, slow] = makePaths(2, scheduler);
    queue(fast, 1_000);
    queue(slow, 9_000);
    scheduler.adjust([fast, slow]);
    expect([scheduler.weight(fast), scheduler.weight(slow)]).to.deep.equal([510, 490]);
    for (let i = 0; i < 200; i++) scheduler.adjust([fast, slow]);
    expect([scheduler.weight(fast), scheduler.weight(slow)]).to.deep.equal([MAX_WEIGHT, MIN_WEIGHT]);
  });

  it('sends packets to path k with probability W_k / sum W, whatever the size of the bursts', () => {
    const scheduler = new PaperScheduler(7);
    const paths = makePaths(2, scheduler);
    queue(paths[0], 1_000);
    queue(paths[1], 9_000);
    for (let i = 0; i < 25; i++) scheduler.adjust(paths); // 750 : 250
    const taken = new Map(paths.map((path) => [path, 0]));
    for (let sent = 0; sent < 20_000; ) {
      const burst = 1 + (sent % 44);
      const path = scheduler.choose(paths, FULL, burst, 0);
      expect(scheduler.run).to.be.within(1, burst);
      taken.set(path, taken.get(path)! + scheduler.run);
      sent += scheduler.run;
    }
    const share = taken.get(paths[0])! / (taken.get(paths[0])! + taken.get(paths[1])!);
    expect(share).to.be.closeTo(0.75, 0.02);
  });

  it('never chooses a path that is not usable any more', () => {
    const scheduler = new PaperScheduler(3);
    const paths = makePaths(3, scheduler);
    for (let i = 0; i < 50; i++) scheduler.choose(paths, FULL, 5, 0);
    const left = paths.slice(0, 1);
    scheduler.pathsChanged(left);
    for (let i = 0; i < 50; i++) expect(scheduler.choose(left, FULL, 5, 0)).to.equal(paths[0]);
  });
});

/** A bottleneck: rate in bytes/us, propagation in us; tells the one-way delay of what is sent at `now`. */
class Bottleneck {
  free = 0;
  bytes = 0;

  constructor(
    readonly rate: number,
    readonly propagation: number,
  ) {}

  send(bytes: number, now: number): number {
    this.free = Math.max(this.free, now) + bytes / this.rate;
    this.bytes += bytes;
    return this.free - now + this.propagation;
  }
}

interface Sample {
  at: number;
  path: Path;
  delay: number;
  rtt: number;
}

/** Packets at `offered` bytes/us for `duration` us through real bottlenecks, with feedback after a round trip and reports each 50 ms. */
function drive(
  scheduler: EarliestScheduler,
  paths: Path[],
  links: Bottleneck[],
  offered: number,
  duration: number,
): number {
  const pending: Sample[] = [];
  let worst = 0;
  let nextReport = 0;
  const least = new Map<Path, number>();
  for (let now = 0; now < duration; now += FULL / offered) {
    while (pending.length > 0 && pending[0].at <= now) {
      const { path, delay, rtt, at } = pending.shift()!;
      path.delay.add(delay, at);
      scheduler.delaySample(path, rtt, at);
      least.set(path, Math.min(least.get(path) ?? Number.POSITIVE_INFINITY, delay));
    }
    if (now >= nextReport) {
      nextReport = now + 50_000;
      paths.forEach((path, i) => {
        if (!least.has(path)) return;
        path.capacity.report(
          links[i].bytes - Math.max(0, links[i].free - now) * links[i].rate,
          now,
          least.get(path)! - path.delay.min,
        );
        least.delete(path);
      });
    }
    const path = scheduler.choose(paths, FULL, 1, now);
    const link = links[paths.indexOf(path)];
    const delay = link.send(FULL, now);
    scheduler.sent(path, FULL, now);
    const rtt = delay + link.propagation;
    pending.push({ at: now + rtt, path, delay, rtt });
    pending.sort((a, b) => a.at - b.at);
    if (now > duration / 2) worst = Math.max(worst, delay);
  }
  return worst;
}

describe('earliest scheduler', () => {
  const MBIT = 1 / 8; // bytes/us

  it('fills 40 and 20 Mbit/s in that proportion with equal queues', () => {
    const scheduler = new EarliestScheduler();
    const paths = makePaths(2, scheduler);
    const links = [new Bottleneck(40 * MBIT, 1_000), new Bottleneck(20 * MBIT, 1_000)];
    const worst = drive(scheduler, paths, links, 59 * MBIT, 4_000_000);
    expect(links[0].bytes / links[1].bytes).to.be.closeTo(2, 0.2);
    expect(worst, 'longest delay, us').to.be.lessThan(15_000);
  });

  it('leaves a path alone while its delay exceeds what queuing on the other costs', () => {
    const scheduler = new EarliestScheduler();
    const paths = makePaths(2, scheduler);
    const links = [new Bottleneck(40 * MBIT, 2_000), new Bottleneck(40 * MBIT, 60_000)];
    drive(scheduler, paths, links, 20 * MBIT, 3_000_000);
    expect(links[1].bytes / (links[0].bytes + links[1].bytes)).to.be.lessThan(0.1);
  });

  it('uses any two capacities and delays so that no packet waits much longer than the load demands', () => {
    const rate = fc.integer({ min: 5, max: 100 });
    const delay = fc.integer({ min: 200, max: 30_000 });
    fc.assert(
      fc.property(rate, rate, delay, delay, (a, b, c, d) => {
        const scheduler = new EarliestScheduler();
        const paths = makePaths(2, scheduler);
        const links = [new Bottleneck(a * MBIT, c), new Bottleneck(b * MBIT, d)];
        const worst = drive(scheduler, paths, links, 0.9 * (a + b) * MBIT, 2_000_000);
        expect(worst).to.be.lessThan(Math.max(c, d) + Math.abs(c - d) + 40_000);
      }),
      { numRuns: 25, seed: 1 },
    );
  });

  it('lets a packet come later on another path by 0.7 of its wait on the best one: then the queue does not run empty meanwhile', () => {
    for (const [queue, spread, taken] of [
      [40_000, 67_000, 1],
      [40_000, 69_000, 0],
      [10_000, 16_000, 1],
      [10_000, 18_000, 0],
    ] as const) {
      const scheduler = new EarliestScheduler();
      const paths = makePaths(2, scheduler);
      for (const path of paths) path.capacity.rate = 40 * MBIT;
      paths[0].delay.add(0, 0);
      paths[1].delay.add(spread, 0);
      scheduler.sent(paths[0], queue * 40 * MBIT, 0);
      expect(scheduler.choose(paths, FULL, 1, 0), `queue ${queue}, spread ${spread}`).to.equal(paths[taken]);
    }
  });

  it('leaves a path that keeps losing packets alone while the other has no long queue, and tries it with a copy each 10 ms', () => {
    const scheduler = new EarliestScheduler();
    const paths = makePaths(2, scheduler);
    for (const path of paths) path.capacity.rate = 40 * MBIT;
    scheduler.sent(paths[0], 10_000 * 40 * MBIT, 0);
    expect(scheduler.choose(paths, FULL, 1, 0)).to.equal(paths[1]);
    expect(scheduler.trial(paths, FULL, 0)).to.equal(undefined);
    paths[1].steadyLoss.share = 0.02;
    expect(scheduler.choose(paths, FULL, 1, 0)).to.equal(paths[0]);
    expect(scheduler.trial(paths, FULL, 0)).to.equal(paths[1]);
    scheduler.sent(paths[1], FULL, 0);
    expect(scheduler.trial(paths, FULL, 9_999)).to.equal(undefined);
    expect(scheduler.trial(paths, FULL, 10_000)).to.equal(paths[1]);
    scheduler.sent(paths[0], 20_000 * 40 * MBIT, 0);
    expect(scheduler.choose(paths, FULL, 1, 0), 'a long queue').to.equal(paths[1]);
  });

  it('never tries a metered path with copies, which would be paid for, whether it loses packets or is slow', () => {
    const scheduler = new EarliestScheduler();
    const paths = makePaths(2, scheduler);
    for (const path of paths) {
      path.capacity.rate = 40 * MBIT;
      path.capacity.known = true;
    }
    paths[1].steadyLoss.share = 0.02;
    expect(scheduler.trial(paths, FULL, 1e6)).to.equal(paths[1]);
    paths[1].peerTraits = PathTrait.METERED;
    expect(scheduler.trial(paths, FULL, 1e6)).to.equal(undefined);
    paths[1].steadyLoss.share = 0;
    paths[1].capacity.rate = 0.3 * MBIT;
    expect(scheduler.trial(paths, FULL, 1e6)).to.equal(undefined);
    paths[1].peerTraits = 0;
    expect(scheduler.trial(paths, FULL, 1e6)).to.equal(paths[1]);
  });

  it('leaves a path alone that carries less than 2 % of the fastest, and tries it with copies that take a quarter of its rate', () => {
    const scheduler = new EarliestScheduler();
    const paths = makePaths(2, scheduler);
    paths.forEach((path, i) => {
      path.capacity.rate = (i === 0 ? 40 : 0.3) * MBIT;
      path.capacity.known = true;
    });
    scheduler.sent(paths[0], 200_000 * 40 * MBIT, 0);
    expect(scheduler.choose(paths, FULL, 1, 0)).to.equal(paths[0]);
    scheduler.sent(paths[1], FULL, 0);
    expect(scheduler.trial(paths, FULL, 150_000)).to.equal(undefined);
    expect(scheduler.trial(paths, FULL, 160_000)).to.equal(paths[1]);
    paths[1].capacity.rate = MBIT;
    expect(scheduler.choose(paths, FULL, 1, 100_000)).to.equal(paths[1]);
  });

  it('takes runs whose length follows the rate', () => {
    const scheduler = new EarliestScheduler();
    const paths = makePaths(2, scheduler);
    scheduler.choose(paths, FULL, 44, 0);
    expect(scheduler.run, 'at the initial 10 Gbit/s').to.be.greaterThan(20);
    for (const path of paths) path.capacity.rate = 40 * MBIT;
    scheduler.choose(paths, FULL, 44, 0);
    expect(scheduler.run, 'at 40 Mbit/s').to.equal(1);
  });
});
