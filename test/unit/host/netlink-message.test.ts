import { expect } from 'chai';
import fc from 'fast-check';
import {
  type Attribute,
  Attributes,
  encodeMessage,
  parseMessages,
  u32Attribute,
} from '../../../src/host/netlink/message.js';
import { decodeRoute, routeAttributes, routeHeader } from '../../../src/host/netlink/route.js';
import { decodeRule, isSameRule, ruleAttributes, ruleHeader } from '../../../src/host/netlink/rule.js';

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const attributeType = fc.integer({ min: 0, max: 0x3fff });

/** A message without its header. */
function payloadOf(fixed: Buffer, attributes: readonly Attribute[]): Buffer {
  return parseMessages(encodeMessage(0, 0, 0, fixed, attributes))[0].payload;
}

describe('netlink messages', () => {
  it('read as they were written, several in one datagram', () => {
    const message = fc.record({ type: u16, flags: u16, sequence: u32, fixed: bytes(20) });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
        const datagram = Buffer.concat(messages.map((m) => encodeMessage(m.type, m.flags, m.sequence, m.fixed)));
        const parsed = parseMessages(datagram);
        expect(parsed.map(({ type, flags, sequence }) => ({ type, flags, sequence }))).to.deep.equal(
          messages.map(({ type, flags, sequence }) => ({ type, flags, sequence })),
        );
        for (const [i, { fixed }] of messages.entries()) {
          expect(parsed[i].payload.subarray(0, fixed.length).equals(fixed)).to.equal(true);
        }
      }),
    );
  });

  it('keep attributes of any length apart, nested ones too', () => {
    const attribute = fc.tuple(attributeType, bytes(33));
    const unique = fc.uniqueArray(attribute, { selector: ([type]) => type, maxLength: 8 });
    fc.assert(
      fc.property(bytes(13), unique, unique, attributeType, (fixed, outer, inner, nest) => {
        fc.pre(outer.every(([type]) => type !== nest));
        const plain = (list: typeof outer): Attribute[] => list.map(([type, value]) => ({ type, value }));
        const payload = payloadOf(fixed, [...plain(outer), { type: nest, value: plain(inner) }]);
        const parsed = new Attributes(payload, fixed.length);
        for (const [type, value] of outer) expect(parsed.bytes(type)?.equals(value)).to.equal(true);
        for (const [type, value] of inner) expect(parsed.nested(nest)?.bytes(type)?.equals(value)).to.equal(true);
      }),
    );
  });

  it('that are cut or garbled throw RangeError or read as something, and never loop', () => {
    const whole = encodeMessage(16, 1, 2, Buffer.alloc(16), [
      u32Attribute(1, 2),
      { type: 3, value: Buffer.from('eth0\0') },
    ]);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length }), fc.uint8Array({ maxLength: 64 }), (cut, garbage) => {
        for (const datagram of [whole.subarray(0, cut), Buffer.from(garbage)]) {
          try {
            for (const { payload } of parseMessages(datagram)) new Attributes(payload, 16);
          } catch (error) {
            expect(error).to.be.instanceOf(RangeError);
          }
        }
      }),
    );
  });

  it('have the kernel’s layout', () => {
    // ip route add 10.1.2.3/32 dev 7 table 6747 src 10.9.9.9 mtu lock 1400 proto 67, as strace shows it.
    const route = {
      destination: '10.1.2.3',
      prefix: 32,
      table: 6747,
      interfaceIndex: 7,
      source: '10.9.9.9',
      mtu: 1400,
      mtuLocked: true,
      protocol: 67,
    };
    const message = encodeMessage(24, 0x605, 9, routeHeader(route), routeAttributes(route));
    expect(message.toString('hex')).to.equal(
      [
        '50000000' + '1800' + '0506' + '09000000' + '00000000',
        '02' + '20' + '00' + '00' + '00' + '43' + 'fd' + '01' + '00000000',
        '0800' + '0100' + '0a010203',
        '0800' + '0400' + '07000000',
        '0800' + '0f00' + '5b1a0000',
        '0800' + '0700' + '0a090909',
        '1400' + '0880' + '0800' + '0100' + '04000000' + '0800' + '0200' + '78050000',
      ].join(''),
    );
  });
});

describe('netlink routes', () => {
  const ipv4 = fc.ipV4();
  const ipv6 = fc
    .array(fc.integer({ min: 1, max: 0xffff }), { minLength: 8, maxLength: 8 })
    .map((groups) => groups.map((group) => group.toString(16)).join(':'));

  it('read as they were written', () => {
    const pair = fc.oneof(fc.tuple(ipv4, ipv4), fc.tuple(ipv6, ipv6));
    fc.assert(
      fc.property(pair, u32, fc.integer({ min: 1, max: 0x7fffffff }), u32, (addresses, table, interfaceIndex, mtu) => {
        const [destination, source] = addresses;
        const prefix = destination.includes(':') ? 128 : 32;
        const route = { destination, source, prefix, table, interfaceIndex, mtu, mtuLocked: true, protocol: 67 };
        expect(decodeRoute(payloadOf(routeHeader(route), routeAttributes(route)))).to.deep.equal({
          ...route,
          type: 'unicast',
        });
      }),
    );
  });
});

describe('netlink rules', () => {
  const rule = fc.record({
    family: fc.constantFrom('ipv4' as const, 'ipv6' as const),
    priority: u32,
    mark: u32,
    invert: fc.boolean(),
    table: u32,
    protocol: fc.integer({ min: 0, max: 255 }),
  });

  it('read as they were written', () => {
    fc.assert(
      fc.property(rule, (wanted) => {
        const read = decodeRule(payloadOf(ruleHeader(wanted), ruleAttributes(wanted)));
        expect(read).to.include(wanted);
        expect(read !== undefined && isSameRule(read, wanted)).to.equal(true);
      }),
    );
  });

  it('differ when any part differs', () => {
    const base = { family: 'ipv4', priority: 1, mark: 2, invert: true, table: 3, protocol: 4 } as const;
    const read = { ...base, markMask: 0xffffffff, otherSelectors: false };
    expect(isSameRule(read, base)).to.equal(true);
    for (const change of [
      { family: 'ipv6' as const },
      { priority: 9 },
      { mark: 9 },
      { markMask: 0xff },
      { invert: false },
      { table: 9 },
      { protocol: 9 },
      { otherSelectors: true },
    ]) {
      expect(isSameRule({ ...read, ...change }, base), JSON.stringify(change)).to.equal(false);
    }
  });
});
