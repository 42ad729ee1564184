import { expect } from 'chai';
import fc from 'fast-check';
import { LEAST_MTU, PathMtu } from '../../../src/core/mtu/path-mtu.js';

/** Runs a search over a path that carries packets up to `limit` bytes and loses those that `lost` says. Returns how many were sent. */
function run(mtu: PathMtu, limit: number, lost: () => boolean = () => false): number {
  let sent = 0;
  for (let more = mtu.searching; more; ) {
    const sizes = [...mtu.asked];
    sent += sizes.length;
    more = false;
    for (const size of sizes) if (size <= limit && !lost()) more = mtu.answered(size) || more;
    if (!more) more = mtu.expired();
    expect(sent).to.be.below(100);
  }
  return sent;
}

function found(limit: number, most = 1500, least: number = LEAST_MTU.ipv4): PathMtu {
  const mtu = new PathMtu(most, least);
  mtu.search();
  run(mtu, limit);
  return mtu;
}

describe('path MTU', () => {
  it("is the interface's after one packet where that gets through", () => {
    const mtu = new PathMtu(1500, LEAST_MTU.ipv4);
    mtu.search();
    expect(run(mtu, 1500)).to.equal(1);
    expect(mtu.known).to.equal(true);
    expect(mtu.size).to.equal(1500);
  });

  it('is found to within 4 bytes, and never above what gets through (any MTU, both families)', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(LEAST_MTU.ipv4, LEAST_MTU.ipv6),
        fc.integer({ min: 1280, max: 9000 }),
        fc.integer({ min: 0, max: 9000 }),
        (least, most, above) => {
          const limit = Math.min(most, least + above);
          const mtu = found(limit, most, least);
          expect(mtu.size).to.be.within(limit - 4, limit);
        },
      ),
    );
  });

  it('is never above what gets through, however many probes are lost, and the search ends', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 576, max: 1500 }),
        fc.infiniteStream(fc.integer({ min: 0, max: 9 })),
        (limit, dice) => {
          const mtu = new PathMtu(1500, LEAST_MTU.ipv4);
          mtu.search();
          run(mtu, limit, () => dice.next().value < 3);
          expect(mtu.known).to.equal(true);
          expect(mtu.size).to.be.within(LEAST_MTU.ipv4, limit);
        },
      ),
    );
  });

  it('shrinks when the known size is lost and a smaller one is not, at once to what is answered', () => {
    const mtu = found(1500);
    mtu.verify();
    expect(mtu.expired()).to.equal(true);
    expect(mtu.asked).to.deep.equal([1500]);
    expect(mtu.expired()).to.equal(true);
    for (const size of mtu.asked.filter((asked) => asked <= 1300)) mtu.answered(size);
    expect(mtu.size).to.equal(1500);
    mtu.expired();
    expect(mtu.size).to.be.within(1180, 1300);
    run(mtu, 1300);
    expect(mtu.size).to.be.within(1296, 1300);
  });

  it('stays when everything is lost: that says nothing about sizes', () => {
    const mtu = found(1400);
    const { size } = mtu;
    mtu.verify();
    run(mtu, 0);
    expect(mtu.size).to.equal(size);
  });

  it('grows again when the whole size gets through', () => {
    const mtu = found(1400);
    expect(mtu.mayGrow).to.equal(true);
    mtu.search();
    run(mtu, 1500);
    expect(mtu.size).to.equal(1500);
    expect(mtu.mayGrow).to.equal(false);
  });

  it('is not changed by a forged ICMP message, and follows a true one', () => {
    const mtu = found(1500);
    mtu.doubt(700);
    run(mtu, 1500);
    expect(mtu.size).to.equal(1500);
    mtu.doubt(1400);
    run(mtu, 1400);
    expect(mtu.size).to.equal(1400);
  });

  it('follows the own interface', () => {
    const mtu = found(1500);
    mtu.limitTo(1300);
    expect(mtu.size).to.equal(1300);
    mtu.limitTo(1500);
    expect(mtu.mayGrow).to.equal(true);
  });

  it('takes no answer that it did not ask for', () => {
    const mtu = found(1400);
    const { size } = mtu;
    mtu.search();
    expect(mtu.answered(1499)).to.equal(false);
    run(mtu, 1400);
    expect(mtu.size).to.equal(size);
  });
});
