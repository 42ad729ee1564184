import { isIP } from 'node:net';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  contains,
  hostAddresses,
  isHostAddress,
  networkOf,
  overlap,
  prefixText,
} from '../../../../lab/topology/prefix.js';
import type { IpPrefix } from '../../../../src/document/address.js';

const ipv4 = fc.record({
  address: fc.ipV4(),
  family: fc.constant(4 as const),
  prefix: fc.integer({ min: 0, max: 32 }),
});
const ipv6 = fc.record({
  address: fc.ipV6().map((text) => new URL(`http://[${text.replace(/%.*/, '')}]`).hostname.slice(1, -1)),
  family: fc.constant(6 as const),
  prefix: fc.integer({ min: 0, max: 128 }),
});
const prefixes: fc.Arbitrary<IpPrefix> = fc.oneof(ipv4, ipv6);

function firstOf(network: IpPrefix, count: number): IpPrefix[] {
  const found: IpPrefix[] = [];
  for (const address of hostAddresses(network)) if (found.push(address) === count) break;
  return found;
}

describe('IP prefixes', () => {
  it('lie in their own network, whose address stays when it is asked again', () => {
    fc.assert(
      fc.property(prefixes, (prefix) => {
        const network = networkOf(prefix);
        expect(contains(network, prefix)).to.equal(true);
        expect(networkOf(network)).to.deep.equal(network);
        expect(isIP(network.address)).to.equal(prefix.family);
      }),
    );
  });

  it('overlap exactly when one network holds the other', () => {
    fc.assert(
      fc.property(prefixes, prefixes, (a, b) => {
        const either = contains(networkOf(a), networkOf(b)) || contains(networkOf(b), networkOf(a));
        expect(overlap(networkOf(a), networkOf(b))).to.equal(either);
        expect(overlap(a, b)).to.equal(overlap(b, a));
      }),
    );
  });

  it('give out different addresses of their network that hosts may have', () => {
    fc.assert(
      fc.property(prefixes, (prefix) => {
        const network = networkOf(prefix);
        const given = firstOf(network, 5);
        expect(new Set(given.map(({ address }) => address)).size).to.equal(given.length);
        for (const address of given) {
          expect(contains(network, address)).to.equal(true);
          expect(isHostAddress(address)).to.equal(true);
        }
      }),
    );
  });

  for (const [network, first, count] of [
    ['10.1.0.0/24', '10.1.0.1/24', 254],
    ['10.1.0.0/30', '10.1.0.1/30', 2],
    ['10.1.0.0/31', '10.1.0.0/31', 2],
    ['10.1.0.7/32', '10.1.0.7/32', 1],
    ['fd00:1::/126', 'fd00:1::1/126', 3],
    ['fd00:1::/127', 'fd00:1::/127', 2],
  ] as const) {
    it(`of ${network} start at ${first} and are ${count}`, () => {
      const [address = '', bits] = network.split('/');
      const all = [...hostAddresses({ address, family: isIP(address) as 4 | 6, prefix: Number(bits) })];
      expect(prefixText(all[0] as IpPrefix)).to.equal(first);
      expect(all.length).to.equal(count);
    });
  }
});
