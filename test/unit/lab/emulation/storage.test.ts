import { expect } from 'chai';
import fc from 'fast-check';
import { PacketQueue } from '../../../../lab/emulation/packet-queue.js';
import { Slots } from '../../../../lab/emulation/slots.js';

describe('a queue of packets', () => {
  it('behaves as a list that is pushed to and shifted from', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -3, max: 40 })), (steps) => {
        const queue = new PacketQueue();
        const model: [number, number, number][] = [];
        let next = 0;
        for (const step of steps) {
          for (let i = 0; i < step; i++, next++) {
            queue.push(next / 2, next, next % 1500);
            model.push([next / 2, next, next % 1500]);
          }
          const taken = Math.min(model.length, Math.max(0, -step) * 5);
          queue.shift(taken);
          model.splice(0, taken);
          expect(queue.length).to.equal(model.length);
          expect(queue.totalBytes).to.equal(model.reduce((sum, [, , bytes]) => sum + bytes, 0));
          expect(model.map((_, i) => [queue.time(i), queue.slot(i), queue.bytes(i)])).to.deep.equal(model);
        }
        expect(queue.time(queue.length)).to.equal(Number.POSITIVE_INFINITY);
      }),
    );
  });
});

describe('slots', () => {
  it('are each held once until they are let go', () => {
    const slots = new Slots(3);
    const held = [slots.take(), slots.take(), slots.take()];
    expect(new Set(held)).to.deep.equal(new Set([0, 1, 2]));
    expect(slots.take()).to.equal(-1);
    slots.release(held[1]!);
    expect(slots.take()).to.equal(held[1]);
  });

  it('are free after the last of their holders', () => {
    const slots = new Slots(1);
    const slot = slots.take();
    slots.share(slot);
    slots.release(slot);
    expect(slots.free).to.equal(0);
    slots.release(slot);
    expect(slots.free).to.equal(1);
    expect(() => slots.release(slot)).to.throw(RangeError);
  });
});
