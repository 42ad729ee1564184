import { expect } from 'chai';
import fc from 'fast-check';
import { checksum, fold, pseudoHeaderSum, sum } from '../../../src/core/wire/checksum.js';
import { naiveSum } from './verify.js';

/** 0 and 0xffff are the same number in one's complement. */
const residue = (value: number) => value % 0xffff;

describe('Internet checksum', () => {
  it("gives RFC 1071's example", () => {
    const b = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
    expect(fold(sum(b, 0, 8))).to.equal(0xddf2);
    expect(checksum(b, 0, 8)).to.equal(0x220d);
  });

  it('gives the checksum of a captured IPv4 header', () => {
    const header = Uint8Array.from(Buffer.from('450000730000400040110000c0a80001c0a800c7', 'hex'));
    expect(checksum(header, 0, 20)).to.equal(0xb861);
  });

  it('agrees with the definition at any offset and length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(7), fc.nat(0xffff_ffff), (data, at, initial) => {
        const b = new Uint8Array(data.length + at + 3).fill(0xa5);
        b.set(data, at);
        const folded = fold(sum(b, at, data.length, initial));
        expect(folded).to.be.within(0, 0xffff);
        expect(residue(folded)).to.equal(residue(naiveSum(data) + residue(initial)));
        expect(checksum(b, at, data.length, initial)).to.equal(0xffff - folded);
      }),
    );
  });

  it('adds parts of even length to the sum of the whole', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(50), (data, half) => {
        const cut = Math.min(2 * half, data.length & ~1);
        const parts = sum(data, cut, data.length - cut, sum(data, 0, cut));
        expect(parts).to.equal(sum(data, 0, data.length));
      }),
    );
  });

  it('loses no carry over 64 KB of ones on top of a large sum', () => {
    const b = new Uint8Array(0x10001).fill(0xff);
    const large = 2 ** 40;
    expect(sum(b, 1, 0x10000, large)).to.equal(large + 0x8000 * 0xffff);
    expect(fold(sum(b, 1, 0x10000))).to.equal(0xffff);
    expect(fold(large)).to.equal(1 << 8);
  });

  it('folds to 0 only what is 0', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(fold(value)).to.equal(value === 0 ? 0 : value % 0xffff || 0xffff);
      }),
    );
  });

  it('sums the pseudo header of both versions from the IP header in place', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(4, 6),
        fc.uint8Array({ minLength: 40, maxLength: 40 }),
        fc.nat(255),
        fc.nat(0xffff),
        (version, header, protocol, bytes) => {
          const b = Uint8Array.of(1, ...header);
          const addresses = version === 4 ? header.subarray(12, 20) : header.subarray(8, 40);
          const expected = naiveSum([...addresses, 0, protocol, bytes >> 8, bytes & 255]);
          expect(residue(fold(pseudoHeaderSum(b, 1, version, protocol, bytes)))).to.equal(residue(expected));
        },
      ),
    );
  });
});
