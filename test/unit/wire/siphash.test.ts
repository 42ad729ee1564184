import { expect } from 'chai';
import fc from 'fast-check';
import { SipHash } from '../../../src/core/wire/siphash.js';

const MASK = (1n << 64n) - 1n;
const rotate = (value: bigint, bits: bigint) => ((value << bits) | (value >> (64n - bits))) & MASK;
const littleEndian = (bytes: Uint8Array) => bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);

/** SipHash-2-4 as the paper writes it, in 64-bit integers. */
function reference(key: Uint8Array, message: Uint8Array): bigint {
  const k0 = littleEndian(key.subarray(0, 8));
  const k1 = littleEndian(key.subarray(8));
  let v0 = k0 ^ 0x736f6d6570736575n;
  let v1 = k1 ^ 0x646f72616e646f6dn;
  let v2 = k0 ^ 0x6c7967656e657261n;
  let v3 = k1 ^ 0x7465646279746573n;
  const round = () => {
    v0 = (v0 + v1) & MASK;
    v2 = (v2 + v3) & MASK;
    v1 = rotate(v1, 13n) ^ v0;
    v3 = rotate(v3, 16n) ^ v2;
    v0 = rotate(v0, 32n);
    v2 = (v2 + v1) & MASK;
    v0 = (v0 + v3) & MASK;
    v1 = rotate(v1, 17n) ^ v2;
    v3 = rotate(v3, 21n) ^ v0;
    v2 = rotate(v2, 32n);
  };
  const padded = new Uint8Array((Math.floor(message.length / 8) + 1) * 8);
  padded.set(message);
  padded[padded.length - 1] = message.length & 255;
  for (let i = 0; i < padded.length; i += 8) {
    const m = littleEndian(padded.subarray(i, i + 8));
    v3 ^= m;
    round();
    round();
    v0 ^= m;
  }
  v2 ^= 0xffn;
  for (let i = 0; i < 4; i++) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

function tagOf(hash: SipHash): bigint {
  const tag = new Uint8Array(10);
  hash.writeTag(tag, 1);
  expect([tag[0], tag[9]]).to.deep.equal([0, 0]);
  const value = littleEndian(tag.subarray(1, 9));
  expect(value).to.equal((BigInt.asUintN(32, BigInt(hash.high)) << 32n) | BigInt.asUintN(32, BigInt(hash.low)));
  return value;
}

const key = fc.uint8Array({ minLength: 16, maxLength: 16 });

describe('SipHash-2-4', () => {
  it("gives the authors' vectors (key 00..0f, message 00..n-1)", () => {
    const vectors: Record<number, string> = {
      0: '310e0edd47db6f72',
      1: 'fd67dc93c539f874',
      2: '5a4fa9d909806c0d',
      3: '2d7efbd796666785',
      7: '37d1018bf50002ab',
      8: '6224939a79f5f593',
      15: 'e545be4961ca29a1',
      63: '724506eb4c328a95',
    };
    const hash = new SipHash();
    hash.setKey(Uint8Array.from({ length: 16 }, (_, i) => i));
    const message = Uint8Array.from({ length: 64 }, (_, i) => i);
    for (const [length, expected] of Object.entries(vectors)) {
      hash.tag(message, 0, Number(length));
      const tag = Buffer.alloc(8);
      hash.writeTag(tag, 0);
      expect(tag.toString('hex'), `${length} bytes`).to.equal(expected);
    }
  });

  it('agrees with the definition for any key, message and offset', () => {
    const hash = new SipHash();
    fc.assert(
      fc.property(key, fc.uint8Array({ maxLength: 600 }), fc.nat(9), (k, message, at) => {
        const b = new Uint8Array(message.length + at + 8).fill(0x5a);
        b.set(message, at);
        hash.setKey(k);
        hash.tag(b, at, message.length);
        expect(tagOf(hash)).to.equal(reference(k, message));
      }),
    );
  });

  it('gives the same tag however a message is cut, integers included', () => {
    const hash = new SipHash();
    const piece = fc.oneof(fc.uint8Array({ maxLength: 150 }), fc.integer());
    fc.assert(
      fc.property(key, fc.array(piece, { maxLength: 8 }), (k, pieces) => {
        hash.setKey(k);
        hash.begin();
        const message: number[] = [];
        for (const part of pieces) {
          if (typeof part === 'number') {
            hash.update32(part);
            message.push((part >>> 24) & 255, (part >>> 16) & 255, (part >>> 8) & 255, part & 255);
          } else {
            hash.update(part, 0, part.length);
            message.push(...part);
          }
        }
        hash.finish();
        expect(tagOf(hash)).to.equal(reference(k, Uint8Array.from(message)));
      }),
      { numRuns: 300 },
    );
  });

  it('hashes messages of tens of kilobytes in pieces of any kind, and refuses what its working memory does not hold', () => {
    const k = new Uint8Array(16).fill(5);
    const message = Uint8Array.from({ length: 60_000 }, (_, i) => i * 31 + (i >> 8));
    const view = new DataView(message.buffer);
    const expected = reference(k, message);
    const hash = new SipHash();
    hash.setKey(k);
    const pieces: Record<string, () => void> = {
      whole: () => hash.update(message, 0, message.length),
      bytes: () => message.forEach((_, i) => void hash.update(message, i, 1)),
      integers: () => {
        for (let i = 0; i < message.length; i += 4) hash.update32(view.getInt32(i));
      },
    };
    for (const [kind, update] of Object.entries(pieces)) {
      hash.begin();
      update();
      hash.finish();
      expect(tagOf(hash), kind).to.equal(expected);
    }
    hash.begin();
    expect(() => hash.update(new Uint8Array(65_536), 0, 65_536)).to.throw(RangeError);
  });

  it('keeps the keys and tags of several hashes apart', () => {
    const keys = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
    const hashes = keys.map((k) => {
      const hash = new SipHash();
      hash.setKey(k);
      return hash;
    });
    const message = new Uint8Array(61).fill(9);
    for (const hash of hashes) hash.tag(message, 0, message.length);
    expect(hashes.map(tagOf)).to.deep.equal(keys.map((k) => reference(k, message)));
  });

  it('accepts its own tag and no tag with a bit changed', () => {
    const hash = new SipHash();
    hash.setKey(new Uint8Array(16).fill(3));
    hash.tag(Uint8Array.of(1, 2, 3), 0, 3);
    const b = new Uint8Array(12);
    hash.writeTag(b, 3);
    expect(hash.equalTag(b, 3)).to.equal(true);
    for (let bit = 0; bit < 64; bit++) {
      b[3 + (bit >> 3)] ^= 1 << (bit & 7);
      expect(hash.equalTag(b, 3), `bit ${bit}`).to.equal(false);
      b[3 + (bit >> 3)] ^= 1 << (bit & 7);
    }
  });

  it('refuses a key of another size', () => {
    expect(() => new SipHash().setKey(new Uint8Array(15))).to.throw(RangeError);
  });
});
