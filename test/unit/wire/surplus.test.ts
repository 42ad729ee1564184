import { expect } from 'chai';
import fc from 'fast-check';
import { findSurplus, surplusBytes, surplusDataAt, writeSurplus } from '../../../src/core/nat/surplus.js';
import { fold, sum } from '../../../src/core/wire/checksum.js';

describe('the surplus area of a UDP packet', () => {
  it('sums up with its length to nothing, so that the UDP checksum holds for the whole IP payload, and gives its data back', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 8, max: 1480 }),
        fc.uint8Array({ minLength: 25, maxLength: 33 }),
        (udpBytes, data) => {
          const b = new Uint8Array(2048).fill(0xee);
          b.set(data, surplusDataAt(udpBytes, udpBytes));
          writeSurplus(b, udpBytes, udpBytes, data.length);
          const bytes = surplusBytes(udpBytes, data.length);
          const end = udpBytes + bytes;
          // Words are counted from the start of the UDP header.
          const odd = udpBytes & 1;
          expect(fold(sum(b, udpBytes + odd, bytes - odd, bytes))).to.equal(0xffff);
          expect(odd === 0 || b[udpBytes] === 0).to.equal(true);
          expect(b[end]).to.equal(0xee);
          const at = findSurplus(b, udpBytes, udpBytes, end, data.length);
          expect(b.slice(at, at + data.length)).to.deep.equal(data);
          expect(findSurplus(b, udpBytes, udpBytes, end - 1, data.length)).to.equal(-1);
        },
      ),
    );
  });
});
