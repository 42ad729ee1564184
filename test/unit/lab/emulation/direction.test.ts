import { expect } from 'chai';
import fc from 'fast-check';
import { Direction, type DirectionSettings } from '../../../../lab/emulation/direction.js';
import { PacketQueue } from '../../../../lab/emulation/packet-queue.js';
import { Slots } from '../../../../lab/emulation/slots.js';

const WIRE: DirectionSettings = {
  rateBps: null,
  trace: null,
  limit: { kind: 'time', us: 50_000 },
  delayUs: 0,
  jitterUs: 0,
  loss: null,
  reorder: 0,
  duplicate: 0,
  seed: 1,
};

interface Arrival {
  readonly atUs: number;
  readonly slot: number;
}

/** A direction in virtual time. A packet's slot is its name. */
class Bench {
  readonly slots = new Slots(4096);
  readonly direction: Direction;
  readonly arrivals: Arrival[] = [];

  constructor(settings: Partial<DirectionSettings>) {
    this.direction = new Direction({ ...WIRE, ...settings }, this.slots, 0);
  }

  send(atUs: number, bytes = 1000): number {
    const slot = this.slots.take();
    this.direction.arrive(atUs, slot, bytes);
    return slot;
  }

  /** Looks at the direction only when it says that something happens. */
  runUntil(endUs: number): this {
    for (let next = this.direction.nextUs(); next <= endUs; next = this.direction.nextUs()) this.look(next);
    return this.look(endUs);
  }

  look(atUs: number): this {
    const out = new PacketQueue();
    this.direction.release(atUs, out);
    for (; out.length > 0; out.shift()) {
      this.arrivals.push({ atUs: out.time(), slot: out.slot() });
      this.slots.release(out.slot());
    }
    return this;
  }

  get times(): number[] {
    return this.arrivals.map(({ atUs }) => atUs);
  }
}

/** What may happen to a link, with packets at given gaps. */
const anySettings = fc.record({
  rateBps: fc.option(fc.integer({ min: 100_000, max: 100_000_000 })),
  limit: fc.oneof(
    fc.record({ kind: fc.constant('time' as const), us: fc.integer({ min: 1, max: 100_000 }) }),
    fc.record({ kind: fc.constant('bytes' as const), bytes: fc.integer({ min: 1500, max: 100_000 }) }),
    fc.record({ kind: fc.constant('packets' as const), packets: fc.integer({ min: 1, max: 50 }) }),
  ),
  delayUs: fc.integer({ min: 0, max: 100_000 }),
  jitterUs: fc.integer({ min: 0, max: 50_000 }),
  loss: fc.option(
    fc.oneof(
      fc.record({ model: fc.constant('random' as const), mean: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.record({
        model: fc.constant('gilbert-elliott' as const),
        mean: fc.double({ min: 0, max: 0.9, noNaN: true }),
        burst: fc.integer({ min: 1, max: 20 }),
      }),
    ),
  ),
  reorder: fc.constantFrom(0, 0.1),
  duplicate: fc.constantFrom(0, 0.1),
  seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
});
const anyGaps = fc.array(
  fc.record({ gapUs: fc.integer({ min: 0, max: 5000 }), bytes: fc.integer({ min: 60, max: 1514 }) }),
  { maxLength: 200 },
);

describe('one direction of an emulated link', () => {
  it('delivers at once when it is nothing but a wire', () => {
    const bench = new Bench({});
    bench.send(5);
    expect(bench.runUntil(5).times).to.deep.equal([5]);
  });

  it('holds packets for exactly the delay', () => {
    const bench = new Bench({ delayUs: 10_000 });
    for (const at of [0, 3, 700]) bench.send(at);
    expect(bench.direction.nextUs()).to.equal(10_000);
    expect(bench.look(9999).times).to.deep.equal([]);
    expect(bench.runUntil(20_000).times).to.deep.equal([10_000, 10_003, 10_700]);
  });

  it('spaces packets by what they take at the rate, and starts a new train when it was idle', () => {
    // 1000 bytes at 8 Mbit/s: 1 ms.
    const bench = new Bench({ rateBps: 8_000_000, delayUs: 500 });
    for (let i = 0; i < 3; i++) bench.send(0);
    bench.runUntil(9000);
    bench.send(10_000);
    expect(bench.runUntil(20_000).times).to.deep.equal([1500, 2500, 3500, 11_500]);
  });

  it('gives the same times however late it is looked at', () => {
    fc.assert(
      fc.property(anySettings, anyGaps, fc.integer({ min: 1, max: 100_000 }), (settings, gaps, stepUs) => {
        const settingsInOrder = { ...settings, jitterUs: Math.min(settings.jitterUs, settings.delayUs) };
        const [prompt, late] = [new Bench(settingsInOrder), new Bench(settingsInOrder)];
        let at = 0;
        let looked = 0;
        for (const { gapUs, bytes } of gaps) {
          at += gapUs;
          prompt.runUntil(at).send(at, bytes);
          for (; looked + stepUs <= at; looked += stepUs) late.look(looked + stepUs);
          late.send(at, bytes);
        }
        const end = at + 60e6;
        const times = (bench: Bench): number[] => bench.runUntil(end).times.sort((a, b) => a - b);
        expect(times(late)).to.deep.equal(times(prompt));
        expect(late.direction.counters).to.deep.equal(prompt.direction.counters);
      }),
      { numRuns: 300 },
    );
  });

  it('accounts for every packet and gives every slot back', () => {
    fc.assert(
      fc.property(anySettings, anyGaps, (settings, gaps) => {
        const bench = new Bench({ ...settings, jitterUs: Math.min(settings.jitterUs, settings.delayUs) });
        let at = 0;
        for (const { gapUs, bytes } of gaps) {
          at += gapUs;
          bench.runUntil(at).send(at, bytes);
        }
        bench.runUntil(at + 60e6);
        const { packets, delivered, duplicated, dropped } = bench.direction.counters;
        expect(packets).to.equal(gaps.length);
        expect(delivered).to.equal(bench.arrivals.length);
        expect(delivered + dropped.queue + dropped.loss + dropped.carrier).to.equal(packets + duplicated);
        expect(bench.slots.free).to.equal(bench.slots.count);
        expect(bench.direction.nextUs()).to.equal(Number.POSITIVE_INFINITY);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps packets in order unless it is told to reorder, jitter or not', () => {
    fc.assert(
      fc.property(anySettings, anyGaps, (settings, gaps) => {
        const bench = new Bench({ ...settings, jitterUs: settings.delayUs, reorder: 0, duplicate: 0 });
        const order = new Map<number, number>();
        let at = 0;
        gaps.forEach(({ gapUs, bytes }, index) => {
          at += gapUs;
          // Slots are given out again, so none may be free before the end.
          order.set(bench.send(at, bytes), index);
        });
        const out = new PacketQueue();
        bench.direction.release(at + 60e6, out);
        const arrived = Array.from({ length: out.length }, (_, i) => order.get(out.slot(i)) as number);
        // A dropped packet's slot may have been given to a later one: the order still holds.
        expect(arrived).to.deep.equal([...arrived].sort((a, b) => a - b));
      }),
    );
  });

  it('never exceeds its rate over any stretch, and keeps it while packets wait', () => {
    const bench = new Bench({ rateBps: 10e6, limit: { kind: 'packets', packets: 1000 } });
    for (let i = 0; i < 500; i++) bench.send(i * 100, 1514);
    const { times } = bench.runUntil(10e6);
    const gap = (1514 * 8e6) / 10e6;
    for (let i = 1; i < times.length; i++) expect(times[i]! - times[i - 1]!).to.be.closeTo(gap, 1e-6);
  });

  describe('its queue', () => {
    const filled = (limit: DirectionSettings['limit']): number => {
      const bench = new Bench({ rateBps: 8_000_000, limit });
      for (let i = 0; i < 100; i++) bench.send(0);
      bench.runUntil(1e6);
      expect(bench.direction.counters.dropped.queue).to.equal(100 - bench.arrivals.length);
      return bench.arrivals.length;
    };

    it('holds as many packets as it is told', () => {
      expect(filled({ kind: 'packets', packets: 20 })).to.equal(20);
    });

    it('holds as many bytes', () => {
      expect(filled({ kind: 'bytes', bytes: 10_500 })).to.equal(10);
    });

    it('takes what starts within the time', () => {
      // 1 ms a packet: those that wait 0, 1, ... 10 ms.
      expect(filled({ kind: 'time', us: 10_000 })).to.equal(11);
    });

    it('takes one packet however small the limit', () => {
      expect(filled({ kind: 'time', us: 1 })).to.equal(1);
    });
  });

  it('varies the delay within the jitter, evenly', () => {
    const bench = new Bench({ delayUs: 50_000, jitterUs: 10_000 });
    for (let i = 0; i < 2000; i++) bench.send(i * 100_000);
    const delays = bench.runUntil(1e9).times.map((time, i) => time - i * 100_000);
    expect(Math.min(...delays)).to.be.within(40_000, 40_100);
    expect(Math.max(...delays)).to.be.within(59_900, 60_000);
    expect(delays.reduce((sum, us) => sum + us) / delays.length).to.be.closeTo(50_000, 500);
  });

  it('lets the share of reordered packets overtake by the delay', () => {
    const bench = new Bench({ delayUs: 10_000, reorder: 0.2 });
    for (let i = 0; i < 2000; i++) bench.send(i * 100);
    bench.runUntil(1e6);
    const { reordered } = bench.direction.counters;
    expect(reordered / 2000).to.be.closeTo(0.2, 0.03);
    expect(bench.times).to.deep.equal([...bench.times].sort((a, b) => a - b));
    expect(bench.arrivals).to.have.length(2000);
  });

  it('delivers duplicates directly behind each other', () => {
    const bench = new Bench({ duplicate: 1, delayUs: 100 });
    bench.send(0);
    bench.send(50);
    expect(bench.runUntil(1000).times).to.deep.equal([100, 100, 150, 150]);
  });

  it('loses the same packets for the same seed, whatever their timing', () => {
    const lost = (seed: number, gapUs: number): boolean[] => {
      const bench = new Bench({ loss: { model: 'gilbert-elliott', mean: 0.1, burst: 3 }, seed, delayUs: 1000 });
      return Array.from({ length: 1000 }, (_, i) => {
        const before = bench.direction.counters.dropped.loss;
        bench.send(i * gapUs);
        bench.runUntil((i + 1) * gapUs);
        return bench.direction.counters.dropped.loss > before;
      });
    };
    expect(lost(7, 5000)).to.deep.equal(lost(7, 2000));
    expect(lost(7, 5000)).to.not.deep.equal(lost(8, 5000));
  });

  it('starts again after a reset as if nothing had been', () => {
    const bench = new Bench({ loss: { model: 'random', mean: 0.3 }, jitterUs: 1000, delayUs: 2000, rateBps: 8e6 });
    const run = (start: number): number[] => {
      for (let i = 0; i < 100; i++) bench.runUntil(start + i * 3000).send(start + i * 3000);
      bench.runUntil(start + 1e6);
      return bench.arrivals.splice(0).map(({ atUs }) => Math.round(atUs - start));
    };
    const first = run(0);
    for (let i = 0; i < 10; i++) bench.send(2e6);
    bench.direction.reset(3e6);
    expect(bench.slots.free).to.equal(bench.slots.count);
    expect(run(3e6)).to.deep.equal(first);
    expect(bench.direction.counters.packets).to.equal(100);
  });

  describe('when its settings change', () => {
    it('leaves packets on the link as they were and keeps the order', () => {
      const bench = new Bench({ delayUs: 10_000 });
      bench.send(0);
      bench.direction.change(1000, { delayUs: 1000 });
      bench.send(1000);
      bench.send(12_000);
      expect(bench.runUntil(50_000).times).to.deep.equal([10_000, 10_000, 13_000]);
    });

    it('sends what waits at the new rate from then on', () => {
      const bench = new Bench({ rateBps: 8_000_000, limit: { kind: 'packets', packets: 10 } });
      for (let i = 0; i < 3; i++) bench.send(0);
      bench.direction.change(1500, { rateBps: 80_000_000 });
      expect(bench.runUntil(50_000).times).to.deep.equal([1000, 1600, 1700]);
    });

    it('restates nothing else', () => {
      const bench = new Bench({ delayUs: 10_000, rateBps: 8e6 });
      bench.direction.change(0, { loss: { model: 'random', mean: 0.5 } });
      expect(bench.direction.settings).to.include({ delayUs: 10_000, rateBps: 8e6 });
    });
  });

  it('loses what is on its way when the carrier goes, and all until it is back', () => {
    const bench = new Bench({ delayUs: 10_000 });
    bench.send(0);
    bench.direction.setCarrier(false);
    bench.send(20_000);
    bench.direction.setCarrier(true);
    bench.send(30_000);
    expect(bench.runUntil(1e6).times).to.deep.equal([40_000]);
    expect(bench.direction.counters.dropped.carrier).to.equal(2);
    expect(bench.slots.free).to.equal(bench.slots.count);
  });
});
