import { expect } from 'chai';
import fc from 'fast-check';
import { Clock } from './world/clock.js';
import { Link, type LinkParameters } from './world/link.js';
import { Random } from './world/random.js';

describe('simulator: random numbers', () => {
  it('repeat with the seed and differ between seeds and forks', () => {
    const draw = (random: Random): number[] => Array.from({ length: 8 }, () => random.bits());
    expect(draw(new Random(7))).to.deep.equal(draw(new Random(7)));
    expect(draw(new Random(7))).not.to.deep.equal(draw(new Random(8)));
    expect(draw(new Random(7).fork('a'))).not.to.deep.equal(draw(new Random(7).fork('b')));
  });

  it('are uniform', () => {
    const random = new Random(1);
    const bins = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) bins[Math.floor(random.fraction() * 10)]!++;
    for (const count of bins) expect(count).to.be.within(9_600, 10_400);
  });
});

describe('simulator: clock', () => {
  it('runs events in order of time, and of one instant in order of their making', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 200 }), (times) => {
        const clock = new Clock();
        const ran: [number, number][] = [];
        times.forEach((time, i) => {
          clock.at(time, () => ran.push([clock.now, i]));
        });
        clock.runUntil(100);
        const expected = times
          .map((time, i) => [time, i] as [number, number])
          .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        expect(ran).to.deep.equal(expected);
        expect(clock.now).to.equal(100);
      }),
    );
  });

  it('leaves out what was cancelled and stops at the condition', () => {
    const clock = new Clock();
    const ran: string[] = [];
    clock.after(1, () => ran.push('a'));
    clock.after(2, () => ran.push('b')).cancel();
    clock.after(3, () => ran.push('c'));
    clock.after(4, () => ran.push('d'));
    expect(clock.run(10, () => ran.includes('c'))).to.equal(true);
    expect(ran).to.deep.equal(['a', 'c']);
    expect(clock.now).to.equal(3);
    expect(clock.run(10, () => false)).to.equal(false);
  });

  it('notices that time stands still', () => {
    const clock = new Clock();
    const again = (): void => {
      clock.after(0, again);
    };
    again();
    expect(() => clock.runUntil(1)).to.throw('stands still');
  });
});

/** Sends packets, 1,000 bytes each, at given times; returns [index, arrival] in order of arrival. */
function arrivals(
  parameters: Partial<LinkParameters>,
  times: readonly number[],
  seed = 1,
): { link: Link; got: [number, number][] } {
  const clock = new Clock();
  const link = new Link(clock, new Random(seed), 'link', parameters);
  const got: [number, number][] = [];
  times.forEach((time, i) => {
    const packet = new Uint8Array(1000).fill(i & 255);
    clock.at(time, () => link.send(packet, () => got.push([i, clock.now])));
  });
  clock.runUntil(1e9);
  return { link, got };
}

const back = (count: number, interval = 0): number[] => Array.from({ length: count }, (_, i) => i * interval);

describe('simulator: link', () => {
  it('takes exactly the time of its rate and delay', () => {
    const { got } = arrivals({ rate: 8_000_000, delay: 5_000 }, [0, 0, 10_000]);
    expect(got).to.deep.equal([
      [0, 6_000],
      [1, 7_000],
      [2, 16_000],
    ]);
  });

  it('drops what its queue does not hold, and only that', () => {
    const { link, got } = arrivals({ rate: 8_000_000, queueBytes: 3_000 }, back(5));
    expect(got.map(([i]) => i)).to.deep.equal([0, 1, 2]);
    expect(link.counters.queueFull).to.equal(2);
    expect(arrivals({ rate: 8_000_000, queueBytes: 3_000 }, back(1000, 1_000)).link.counters.queueFull).to.equal(0);
  });

  it('keeps order under jitter unless told otherwise', () => {
    const order = (reorder: boolean): number[] =>
      arrivals({ jitter: 10_000, reorder }, back(500, 1_000)).got.map(([i]) => i);
    expect(order(false)).to.deep.equal(back(500, 1));
    expect(order(true)).not.to.deep.equal(back(500, 1));
    expect(order(true).sort((a, b) => a - b)).to.deep.equal(back(500, 1));
  });

  it('loses the share asked for, singly or in bursts of the length asked for', () => {
    const lost = (parameters: Partial<LinkParameters>): { share: number; burst: number } => {
      const got = new Set(arrivals(parameters, back(100_000)).got.map(([i]) => i));
      let bursts = 0;
      for (let i = 0; i < 100_000; i++) if (!got.has(i) && (i === 0 || got.has(i - 1))) bursts++;
      return { share: 1 - got.size / 100_000, burst: (100_000 - got.size) / bursts };
    };
    const single = lost({ loss: { kind: 'random', probability: 0.05 } });
    expect(single.share).to.be.within(0.047, 0.053);
    expect(single.burst).to.be.within(1, 1.1);
    const bursty = lost({ loss: { kind: 'burst', mean: 0.05, length: 8 } });
    expect(bursty.share).to.be.within(0.04, 0.06);
    expect(bursty.burst).to.be.within(7, 9);
  });

  it('duplicates and corrupts the share asked for, and says so', () => {
    const { link, got } = arrivals({ duplicate: 0.1 }, back(10_000));
    expect(link.counters.duplicated).to.be.within(900, 1_100);
    expect(got.length).to.equal(10_000 + link.counters.duplicated);

    const clock = new Clock();
    const corrupting = new Link(clock, new Random(3), 'link', { corrupt: 0.1 });
    let flipped = 0;
    for (let i = 0; i < 10_000; i++) {
      corrupting.send(new Uint8Array(20), (packet) => {
        if (packet.some((byte) => byte !== 0)) flipped++;
      });
    }
    clock.runUntil(1);
    expect(flipped).to.equal(corrupting.counters.corrupted);
    expect(flipped).to.be.within(900, 1_100);
  });

  it('loses what is under way when its carrier goes, and works again afterwards', () => {
    const clock = new Clock();
    const link = new Link(clock, new Random(1), 'link', { rate: 8_000_000, delay: 5_000 });
    const got: number[] = [];
    const send = (at: number): void => {
      clock.at(at, () => link.send(new Uint8Array(1000), () => got.push(clock.now)));
    };
    send(0);
    send(10_000);
    clock.at(12_000, () => link.setUp(false));
    send(13_000);
    clock.at(20_000, () => link.setUp(true));
    send(21_000);
    clock.runUntil(100_000);
    expect(got).to.deep.equal([6_000, 27_000]);
    expect(link.counters.down).to.equal(2);
  });
});
