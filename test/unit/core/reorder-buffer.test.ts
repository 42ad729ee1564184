import { expect } from 'chai';
import fc from 'fast-check';
import type { ReorderMode } from '../../../src/core/config.js';
import { Memory } from '../../../src/core/memory.js';
import { PAPER_LIMIT, ReorderBuffer } from '../../../src/core/reorder/reorder-buffer.js';
import { SlotPool } from '../../../src/core/slots.js';
import { IncomingPath } from '../../../src/core/tables/paths.js';

const STRIDE = 10;

/** A buffer whose packets are told apart by their place: packet k of a run stands at `at + k * STRIDE`. */
class Bench {
  readonly slots: SlotPool;
  readonly buffer: ReorderBuffer;
  readonly paths = [new IncomingPath(1), new IncomingPath(2)];
  readonly delivered: number[] = [];
  private readonly sequenceAt = new Map<number, number>();
  private place = 0;

  constructor(mode: ReorderMode, slots = 512) {
    this.slots = new SlotPool(new Memory(new Uint8Array(slots * 64)), slots, 64);
    for (const path of this.paths) path.sample(0, 0, 0);
    this.buffer = new ReorderBuffer(mode, this.slots, this.paths, (_slot, at, stride, count) => {
      for (let i = 0; i < count; i++) this.delivered.push(this.sequenceAt.get(at + i * stride)!);
    });
  }

  insert(first: number, count: number, path = 0, now = 0): void {
    const slot = this.slots.take();
    const at = this.place;
    this.place += count * STRIDE;
    for (let i = 0; i < count; i++) this.sequenceAt.set(at + i * STRIDE, (first + i) | 0);
    this.buffer.insert(first, count, slot, at, STRIDE, STRIDE, this.paths[path], false, now);
    this.slots.release(slot);
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe('reorder buffer', () => {
  it('delivers runs in order as they come', () => {
    const bench = new Bench('adaptive');
    bench.insert(0, 3);
    bench.insert(3, 2);
    expect(bench.delivered).to.deep.equal(range(0, 5));
    expect(bench.buffer.held).to.equal(0);
  });

  it('holds what comes early until the gap is filled by the other path', () => {
    const bench = new Bench('adaptive');
    bench.insert(0, 1, 0);
    bench.insert(1, 1, 1);
    bench.insert(4, 2, 0);
    expect(bench.delivered).to.deep.equal([0, 1]);
    bench.insert(2, 2, 1);
    expect(bench.delivered).to.deep.equal(range(0, 6));
    expect(bench.slots.available).to.equal(512);
  });

  it('gives a gap up at once when every path in use has brought something newer', () => {
    const bench = new Bench('adaptive');
    bench.insert(0, 1, 0);
    bench.insert(1, 1, 1);
    bench.insert(3, 1, 0);
    expect(bench.delivered).to.deep.equal([0, 1]);
    bench.insert(4, 1, 1);
    expect(bench.delivered).to.deep.equal([0, 1, 3, 4]);
    expect(bench.buffer.losses).to.equal(1);
  });

  it('hands out what it holds when it is told to put nothing in order, and holds again when told so', () => {
    const bench = new Bench('adaptive');
    bench.insert(0, 1, 0);
    bench.insert(1, 1, 1);
    bench.insert(4, 2, 0);
    bench.buffer.configure('off', 200_000, 10);
    expect(bench.delivered).to.deep.equal([0, 1, 4, 5]);
    bench.insert(7, 1, 0, 20);
    bench.insert(2, 1, 1, 20);
    expect(bench.delivered).to.deep.equal([0, 1, 4, 5, 7, 2]);
    bench.buffer.configure('adaptive', 200_000, 30);
    bench.insert(9, 1, 0, 40);
    bench.insert(8, 1, 1, 40);
    expect(bench.delivered).to.deep.equal([0, 1, 4, 5, 7, 2, 8, 9]);
    expect(bench.slots.available).to.equal(512);
  });

  it('waits no longer than its limit, which also counts for what it holds already', () => {
    const bench = new Bench('adaptive');
    bench.insert(0, 1, 0);
    bench.insert(1, 1, 1);
    bench.insert(4, 2, 0, 1000);
    expect(bench.buffer.deadline).to.be.greaterThan(21_000);
    bench.buffer.configure('adaptive', 20_000, 5000);
    expect(bench.buffer.deadline).to.equal(21_000);
    bench.buffer.configure('adaptive', 3_000, 5000);
    expect(bench.delivered).to.deep.equal([0, 1, 4, 5]);
    expect(bench.buffer.timeouts).to.equal(1);
  });

  it('waits for a path that the sender has just begun to use, though the other has brought newer packets', () => {
    const bench = new Bench('adaptive');
    bench.insert(0, 1, 0);
    bench.buffer.pathBegins(0);
    bench.insert(2, 1, 0);
    expect(bench.delivered).to.deep.equal([0]);
    bench.insert(1, 1, 1);
    expect(bench.delivered).to.deep.equal([0, 1, 2]);
  });

  it('does not take a newer packet as proof of a loss on a path that reorders', () => {
    const bench = new Bench('adaptive');
    bench.insert(0, 1, 0);
    bench.insert(2, 1, 0, 1);
    bench.insert(1, 1, 0, 2);
    bench.insert(4, 1, 0, 3);
    expect(bench.delivered).to.deep.equal([0, 2, 1]);
    bench.insert(3, 1, 0, 4);
    expect(bench.delivered).to.deep.equal([0, 2, 1, 3, 4]);
  });

  it('gives a gap up when its time has come, and delivers a late packet once', () => {
    const bench = new Bench('adaptive');
    bench.insert(0, 1, 0, 0);
    bench.insert(1, 1, 1, 0);
    bench.insert(3, 1, 0, 1000);
    const { deadline } = bench.buffer;
    expect(deadline).to.be.within(1000 + 5_000, 1000 + 200_000);
    bench.insert(4, 1, 0, 15_000);
    bench.insert(5, 1, 0, 30_000);
    bench.buffer.onTimeout(deadline - 1);
    expect(bench.delivered).to.deep.equal([0, 1]);
    bench.buffer.onTimeout(deadline);
    expect(bench.delivered).to.deep.equal([0, 1, 3, 4, 5]);
    bench.insert(2, 1, 1, deadline + 1);
    bench.insert(2, 1, 1, deadline + 2);
    expect(bench.delivered).to.deep.equal([0, 1, 3, 4, 5, 2]);
    expect(bench.buffer.late).to.equal(1);
    expect(bench.buffer.duplicates).to.equal(1);
  });

  it('waits for longer when nothing came on any path meanwhile, yet not for much longer while nothing comes', () => {
    for (const silence of [45_000, Number.POSITIVE_INFINITY]) {
      const bench = new Bench('adaptive');
      bench.insert(0, 1, 0, 0);
      bench.insert(1, 1, 1, 0);
      bench.insert(3, 1, 0, 1000);
      const hold = bench.buffer.deadline - 1000;
      // The first timers after a standstill fire before what came meanwhile is read.
      let now = 1000;
      while (bench.buffer.deadline < 1000 + silence) {
        now = bench.buffer.deadline;
        bench.buffer.onTimeout(now);
      }
      if (silence < Number.POSITIVE_INFINITY) {
        bench.insert(4, 1, 0, 1000 + silence);
        expect(bench.delivered).to.deep.equal([0, 1]);
        bench.insert(2, 1, 1, 1000 + silence + 10);
        expect(bench.delivered).to.deep.equal([0, 1, 2, 3, 4]);
        expect(bench.buffer.timeouts).to.equal(0);
      } else {
        expect(bench.delivered).to.deep.equal([0, 1, 3]);
        expect(now).to.equal(1000 + hold + 20_000);
      }
    }
  });

  it("pushes everything up once the paper's 100 packets are exceeded", () => {
    const bench = new Bench('paper');
    for (const sequence of range(1, PAPER_LIMIT + 1)) bench.insert(sequence, 1);
    expect(bench.delivered).to.deep.equal([]);
    bench.insert(PAPER_LIMIT + 1, 1);
    expect(bench.delivered).to.deep.equal(range(1, PAPER_LIMIT + 2));
  });

  it('keeps nothing back when it is off, yet delivers nothing twice', () => {
    const bench = new Bench('off');
    for (const sequence of [0, 2, 1, 2, 1, 5, 0]) bench.insert(sequence, 1);
    expect(bench.delivered).to.deep.equal([0, 2, 1, 5]);
  });

  it('lets everything go before the receive slots run out', () => {
    const bench = new Bench('adaptive', 80);
    bench.insert(0, 1, 0);
    bench.insert(1, 1, 1);
    for (const sequence of range(3, 40)) bench.insert(sequence, 1, 0);
    expect(bench.slots.available).to.be.at.least(64);
    expect(bench.delivered.length).to.be.greaterThan(16);
  });

  it('counts numbers across the wrap at 2^32', () => {
    const bench = new Bench('adaptive');
    bench.buffer.next = -3;
    bench.insert(-3, 1, 1);
    bench.insert(0, 2, 0);
    expect(bench.delivered).to.deep.equal([-3]);
    bench.insert(-2, 2, 1);
    expect(bench.delivered).to.deep.equal([-3, -2, -1, 0, 1]);
  });

  it('delivers each packet at most once, keeps order on lossless paths and gives every slot back (any interleaving)', () => {
    const run = fc.record({ count: fc.integer({ min: 1, max: 5 }), path: fc.integer({ min: 0, max: 1 }) });
    fc.assert(
      fc.property(fc.array(run, { minLength: 1, maxLength: 60 }), fc.infiniteStream(fc.boolean()), (runs, picks) => {
        const bench = new Bench('adaptive');
        const queues: { first: number; count: number }[][] = [[], []];
        let next = 0;
        for (const { count, path } of runs) {
          queues[path].push({ first: next, count });
          next += count;
        }
        // Both paths have shown that they are in use and behind: nothing is lost, so nothing may be given up.
        while (queues[0].length + queues[1].length > 0) {
          const pick = picks.next().value ? 0 : 1;
          const path = queues[pick].length > 0 ? pick : 1 - pick;
          const { first, count } = queues[path].shift()!;
          bench.insert(first, count, path);
        }
        bench.buffer.releaseAll(0);
        expect(new Set(bench.delivered).size).to.equal(bench.delivered.length);
        expect([...bench.delivered].sort((a, b) => a - b)).to.deep.equal(range(0, next));
        expect(bench.slots.available).to.equal(512);
      }),
    );
  });

  it('survives duplicates, overlaps and losses of any kind: at most once, all that came, no slot lost', () => {
    const piece = fc.tuple(
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 1, max: 6 }),
      fc.boolean(),
      fc.nat(30_000),
    );
    fc.assert(
      fc.property(
        fc.constantFrom<ReorderMode>('off', 'paper', 'adaptive'),
        fc.array(piece, { maxLength: 80 }),
        (mode, pieces) => {
          const bench = new Bench(mode);
          const came = new Set<number>();
          let now = 0;
          for (const [first, count, second, pause] of pieces) {
            now += pause;
            if (now >= bench.buffer.deadline) bench.buffer.onTimeout(now);
            bench.insert(first, count, second ? 1 : 0, now);
            for (const sequence of range(first, first + count)) came.add(sequence);
          }
          bench.buffer.releaseAll(now);
          expect([...bench.delivered].sort((a, b) => a - b)).to.deep.equal([...came].sort((a, b) => a - b));
          expect(bench.slots.available).to.equal(512);
          expect(bench.buffer.held).to.equal(0);
        },
      ),
      { numRuns: 500 },
    );
  });
});
