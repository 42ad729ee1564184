import { expect } from 'chai';
import fc from 'fast-check';
import { disjointFirst, furthestFrom } from '../../../src/core/routing/disjoint.js';
import { EarliestScheduler } from '../../../src/core/routing/earliest.js';
import { Path } from '../../../src/core/tables/paths.js';
import { Peer } from '../../../src/core/tables/peers.js';

type Ends = readonly [near: number, far: number];

const peer = new Peer(new Uint8Array(8), 1, 1, new Uint8Array(32), false, new EarliestScheduler(), 1, 0, () => {});

/** A path between two NICs; `family` says which of their addresses it uses. */
function path([near, far]: Ends, id: number, family: 4 | 6 = 4, isTold = true): Path {
  const [from, to] = family === 4 ? [`10.1.${near}.1`, `10.2.${far}.1`] : [`fd00:1:${near}::1`, `fd00:2:${far}::1`];
  const local = { id: 2 * near + family, address: from, interface: `eth${near}`, interfaceIndex: near + 2, mtu: 1500 };
  const made = new Path(peer, id, local, { address: to, port: 6747 }, id, undefined, 30e6, () => {});
  if (isTold) made.farNic = far + 1;
  return made;
}

function between(...ends: Ends[]): Path[] {
  return ends.map((end, i) => path(end, i + 1));
}

const ids = (paths: readonly Path[]): number[] => paths.map(({ id }) => id);
const shared = (paths: readonly Path[]): number =>
  paths.flatMap((one, i) => paths.slice(0, i).map((other) => one.nicsSharedWith(other))).reduce((a, b) => a + b, 0);

describe('shared-NIC groups are known: of two paths', () => {
  it('either end may be one NIC, whichever family the addresses have', () => {
    const one = path([0, 0], 1);
    expect(one.nicsSharedWith(path([0, 1], 2))).to.equal(1);
    expect(one.nicsSharedWith(path([1, 0], 2))).to.equal(1);
    expect(one.nicsSharedWith(path([1, 1], 2))).to.equal(0);
    expect(one.nicsSharedWith(path([0, 0], 2, 6))).to.equal(2);
    expect(one.nicsSharedWith(path([1, 0], 2, 6))).to.equal(1);
  });

  it('to a peer that does not tell its NICs, each far address counts as one', () => {
    expect(path([0, 0], 1, 4, false).nicsSharedWith(path([1, 0], 2, 4, false))).to.equal(1);
    expect(path([0, 0], 1, 4, false).nicsSharedWith(path([1, 0], 2, 6, false))).to.equal(0);
    expect(path([0, 0], 1, 4, false).nicsSharedWith(path([1, 0], 2, 4, true))).to.equal(1);
  });

  it('the NIC that more of them share tells how much of it is a path’s', () => {
    const paths = between([0, 0], [0, 1], [0, 2], [1, 0]);
    expect(paths.map((one) => one.nicShareOf(paths))).to.deep.equal([3, 3, 3, 2]);
    expect(paths[0]!.nicShareOf([])).to.equal(1);
  });
});

describe('paths for the copies of a packet', () => {
  it('share no NIC where there are such, and stay in order', () => {
    expect(ids(disjointFirst(between([0, 0], [0, 1], [1, 0], [1, 1]), 2))).to.deep.equal([1, 4, 2, 3]);
    expect(ids(disjointFirst(between([0, 0], [1, 1], [0, 1]), 2))).to.deep.equal([1, 2, 3]);
  });

  it('are not the fastest one and another when the fastest shares a NIC with all others', () => {
    expect(ids(disjointFirst(between([0, 0], [0, 1], [1, 0]), 2))).to.deep.equal([2, 3, 1]);
  });

  it('share one NIC rather than two, and all are taken when there are no more', () => {
    const dual = [path([0, 0], 1), path([0, 0], 2, 6), path([0, 1], 3)];
    expect(ids(disjointFirst(dual, 2))).to.deep.equal([1, 3, 2]);
    expect(ids(disjointFirst(dual, 8))).to.deep.equal([1, 2, 3]);
    expect(disjointFirst([], 2)).to.deep.equal([]);
  });

  it('share as few NICs as any two of them do, and none is lost or added', () => {
    const nic = fc.nat(3);
    fc.assert(
      fc.property(fc.array(fc.tuple(nic, nic), { minLength: 2, maxLength: 10 }), (ends) => {
        const paths = between(...ends);
        const sorted = disjointFirst(paths, 2);
        const least = Math.min(...paths.flatMap((one, i) => paths.slice(0, i).map((other) => shared([one, other]))));
        expect(shared(sorted.slice(0, 2))).to.equal(least);
        expect(ids(sorted).toSorted((a, b) => a - b)).to.deep.equal(ids(paths));
      }),
    );
  });
});

describe('paths in place of one that fell silent', () => {
  it('are those that share the fewest NICs with it', () => {
    const [failed, ...others] = between([0, 0], [0, 1], [1, 0], [1, 1], [2, 1]);
    expect(ids(furthestFrom(failed!, others))).to.deep.equal([4, 5]);
    expect(ids(furthestFrom(failed!, others.slice(0, 2)))).to.deep.equal([2, 3]);
    expect(furthestFrom(failed!, [])).to.deep.equal([]);
  });
});
