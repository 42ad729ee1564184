import { expect } from 'chai';
import fc from 'fast-check';
import { fold, sum } from '../../../src/core/wire/checksum.js';
import { exchanged, wordSum } from '../../../src/host/fake-tcp/word-sum.js';

describe('the checksum of payload in an arena', () => {
  it('is that of the core at any offset and length', () => {
    const bytes = fc.uint8Array({ minLength: 64, maxLength: 3000 });
    fc.assert(
      fc.property(bytes, fc.nat(63), fc.nat(3000), (content, at, most) => {
        const b = new Uint8Array(Math.ceil(content.length / 4) * 4);
        b.set(content);
        const length = Math.min(most, content.length - at);
        const folded = fold(sum(b, at, length));
        expect(wordSum(b, new Uint32Array(b.buffer), at, length) % 0xffff).to.equal(folded % 0xffff);
      }),
      { numRuns: 2000 },
    );
  });

  it('is put together from parts, of which one behind an odd number of bytes has its two bytes exchanged', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 200 }), fc.nat(), (b, random) => {
        const first = random % b.length;
        const rest = fold(sum(b, first, b.length - first));
        const together = fold(sum(b, 0, first) + ((first & 1) === 0 ? rest : exchanged(rest)));
        expect(together % 0xffff).to.equal(fold(sum(b, 0, b.length)) % 0xffff);
      }),
    );
  });
});
