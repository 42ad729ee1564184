import { isIP } from 'node:net';
import { expect } from 'chai';
import fc from 'fast-check';
import { AddressError, formatAddress, isIpv6, parseAddress } from '../../../src/core/address.js';

const canonical = (text: string) => {
  const bytes = parseAddress(text);
  return formatAddress(bytes, 0, bytes.length);
};

describe('IP addresses', () => {
  it('are written as RFC 5952 says', () => {
    const cases: Record<string, string> = {
      '10.1.0.1': '10.1.0.1',
      '2001:0DB8:0:0:0:0:0:0001': '2001:db8::1',
      '::': '::',
      '::1': '::1',
      '1::': '1::',
      '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
      '2001:0:0:1:0:0:0:1': '2001:0:0:1::1',
      '2001:db8:0:0:1:0:0:1': '2001:db8::1:0:0:1',
      '1:2:3:4:5:6:0:0': '1:2:3:4:5:6::',
      '1:2:3:4:5:6:7::': '1:2:3:4:5:6:7:0',
      '64:ff9b::192.0.2.33': '64:ff9b::c000:221',
    };
    for (const [text, expected] of Object.entries(cases)) expect(canonical(text), text).to.equal(expected);
  });

  it('are IPv4 when they are IPv4-mapped', () => {
    expect([...parseAddress('::ffff:10.1.0.1')]).to.deep.equal([10, 1, 0, 1]);
    expect([...parseAddress('0:0:0:0:0:FFFF:0a01:0001')]).to.deep.equal([10, 1, 0, 1]);
    const mapped = Uint8Array.of(9, ...new Array<number>(10).fill(0), 0xff, 0xff, 192, 0, 2, 1);
    expect(formatAddress(mapped, 1, 16)).to.equal('192.0.2.1');
    expect(canonical('::fffe:10.1.0.1')).to.equal('::fffe:a01:1');
  });

  it('are refused with a code when the text is none', () => {
    const texts = [
      '',
      '1',
      '1.2.3',
      '1.2.3.4.5',
      '1.2.3.256',
      '01.2.3.4',
      '1.2.3.4 ',
      '-1.2.3.4',
      '1.2.3.',
      ':',
      ':::',
      '1::2::3',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4:5:6:7:8::',
      '12345::',
      'g::',
      'fe80::1%eth0',
      '::1.2.3.4:5',
      '1.2.3.4::',
      '10.0.0.0/8',
      ':1:2:3:4:5:6:7',
      'host',
    ];
    for (const text of texts) {
      expect(() => parseAddress(text), text)
        .to.throw(AddressError)
        .with.property('code', 'E_ADDRESS');
    }
  });

  it('survive text and back', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc
        .array(fc.oneof(fc.constant([0, 0]), fc.tuple(fc.nat(255), fc.nat(255))), { minLength: 8, maxLength: 8 })
        .map((groups) => Uint8Array.from(groups.flat())),
    );
    fc.assert(
      fc.property(bytes, (address) => {
        const text = formatAddress(address, 0, address.length);
        expect(isIP(text)).to.equal(isIpv6(text) ? 6 : 4);
        expect(new URL(isIpv6(text) ? `http://[${text}]/` : `http://${text}/`).hostname.replace(/[[\]]/g, '')).to.equal(
          text,
        );
        const parsed = parseAddress(text);
        expect([...parsed]).to.deep.equal([...(isIpv6(text) || address.length === 4 ? address : address.subarray(12))]);
      }),
    );
  });

  it("agree with Node's parser on what is an address", () => {
    const text = fc
      .array(fc.constantFrom('0', '1', 'f', '25', '255', '256', ':', '::', '.', '1.2.3.4', 'abcd'), { maxLength: 12 })
      .map((parts) => parts.join(''));
    const accepts = (candidate: string) => {
      try {
        parseAddress(candidate);
        return true;
      } catch (error) {
        expect(error).to.be.instanceOf(AddressError);
        return false;
      }
    };
    fc.assert(
      fc.property(fc.oneof(text, fc.ipV4(), fc.ipV6(), fc.string()), (candidate) => {
        expect(accepts(candidate)).to.equal(isIP(candidate) !== 0 && !candidate.includes('%'));
      }),
      { numRuns: 2000 },
    );
  });
});
