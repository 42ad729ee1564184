import { expect } from 'chai';
import fc from 'fast-check';
import { formatAddress } from '../../../src/core/address.js';
import {
  CmType,
  type ControlMessage,
  decodeControl,
  encodeControl,
  MAX_CONTROL_BYTES,
} from '../../../src/core/wire/control.js';
import { MAX_REPORT_PATHS } from '../../../src/core/wire/path-reports.js';
import { MAX_ADDRESSES } from '../../../src/core/wire/tlv.js';

const u8 = fc.nat(255);
const u32 = fc.nat(0xffff_ffff);
const i32 = fc.integer();
const fixed = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });
const endpoint = fc.record({
  address: fc.oneof(fixed(4), fixed(16)).map((bytes) => formatAddress(bytes, 0, bytes.length)),
  port: fc.nat(0xffff),
});
const addresses = fc.array(endpoint, { maxLength: MAX_ADDRESSES });
const introduction = {
  versions: fc.array(u8, { minLength: 1, maxLength: 16 }),
  nodeId: fixed(8),
  incarnation: u32,
  nonce: fixed(8),
  key: fixed(32),
  addresses,
  capabilities: u32,
};
const report = fc.record({
  path: u8,
  packets: u32,
  bytes: u32,
  lost: u32,
  lastArrival: u32,
  delay: i32,
  minDelay: i32,
  jitter: u32,
  longest: fc.nat(0xffff),
});

const message: fc.Arbitrary<ControlMessage> = fc.oneof(
  fc.record({ type: fc.constant(CmType.hello), ...introduction }),
  fc.record({ type: fc.constant(CmType.welcome), ...introduction, echo: fixed(8) }),
  fc.record({
    type: fc.constant(CmType.open),
    source: endpoint,
    destination: endpoint,
    protocol: fc.constantFrom<6 | 17>(6, 17),
  }),
  fc.record({
    type: fc.constant(CmType.openAck),
    answer: fc.constantFrom('accepted' as const, 'refused' as const, 'bind' as const),
  }),
  fc.record({ type: fc.constant(CmType.bound), challenge: fixed(8) }),
  fc.record({ type: fc.constant(CmType.icmp), icmpType: u8, code: u8, rest: u32, transport: fixed(8) }),
  fc.record({ type: fc.constant(CmType.probe), challenge: fixed(8), path: u8, traits: u8, nic: u32 }),
  fc.record({ type: fc.constant(CmType.probe), challenge: fixed(8), path: u8, traits: u8, nic: u32, port: u32 }),
  fc.record({ type: fc.constant(CmType.probeReply), challenge: fixed(8), observed: endpoint, traits: u8, nic: u32 }),
  fc.record({ type: fc.constant(CmType.report), paths: fc.array(report, { maxLength: MAX_REPORT_PATHS }) }),
  fc.record({ type: fc.constant(CmType.heartbeat), sentPackets: u32, sentBytes: u32 }),
  fc.record({ type: fc.constant(CmType.addresses), addresses, sequence: u32 }),
  fc.record({
    type: fc.constant(CmType.goodbye),
    reason: fc.constantFrom<'shutdown' | 'restart' | 'unknown'>('shutdown', 'restart', 'unknown'),
  }),
);

function encoded(what: ControlMessage): Uint8Array {
  const b = new Uint8Array(MAX_CONTROL_BYTES);
  return b.slice(0, encodeControl(what, b, 0));
}

const many = Array.from({ length: 40 }, (_, i) => ({ address: `fd00::${i + 1}`, port: i }));

describe('control messages', () => {
  it('survive encoding and decoding', () => {
    fc.assert(
      fc.property(message, fc.nat(5), (what, at) => {
        const b = new Uint8Array(MAX_CONTROL_BYTES + 20).fill(0xee);
        const bytes = encodeControl(what, b, at);
        expect(bytes).to.be.at.most(MAX_CONTROL_BYTES);
        expect(b.subarray(0, at).every((byte) => byte === 0xee)).to.equal(true);
        expect(b.subarray(at + bytes).every((byte) => byte === 0xee)).to.equal(true);
        expect(decodeControl(what.type, b, at, bytes)).to.deep.equal(what);
      }),
      { numRuns: 500 },
    );
  });

  it('tolerate TLVs of later versions in front and behind', () => {
    const unknown = fc.tuple(fc.integer({ min: 100, max: 255 }), fc.uint8Array({ maxLength: 20 }));
    fc.assert(
      fc.property(message, unknown, unknown, (what, front, behind) => {
        const tlv = ([type, value]: [number, Uint8Array]) => [type, 0, value.length, ...value];
        const b = Uint8Array.from([...tlv(front), ...encoded(what), ...tlv(behind)]);
        fc.pre(b.length <= MAX_CONTROL_BYTES);
        expect(decodeControl(what.type, b, 0, b.length)).to.deep.equal(what);
      }),
    );
  });

  it('are malformed when cut at any byte', () => {
    fc.assert(
      fc.property(message, (what) => {
        const b = encoded(what);
        for (let bytes = 0; bytes < b.length; bytes++)
          expect(decodeControl(what.type, b, 0, bytes)).to.equal(undefined);
      }),
      { numRuns: 30 },
    );
  });

  it('never make decoding throw or read outside, whatever the bytes are', () => {
    const mutated = fc
      .tuple(message, fc.array(fc.tuple(fc.nat(400), u8), { minLength: 1, maxLength: 6 }))
      .map(([what, changes]): [number, Uint8Array] => {
        const b = encoded(what);
        for (const [at, value] of changes) b[at % b.length] = value;
        return [what.type, b];
      });
    const random = fc.tuple(fc.nat(15), fc.uint8Array({ maxLength: 100 }));
    fc.assert(
      fc.property(fc.oneof(mutated, random), u8, ([type, body], outside) => {
        const at = 3;
        const b = new Uint8Array(body.length + 60).fill(outside);
        b.set(body, at);
        const inPlace = decodeControl(type, b, at, body.length);
        expect(inPlace).to.deep.equal(decodeControl(type, body, 0, body.length));
        if (inPlace === undefined) return;
        // Whatever was accepted is a message that can be sent.
        expect(decodeControl(type, encoded(inPlace), 0, encoded(inPlace).length)).to.deep.equal(inPlace);
      }),
      { numRuns: 3000 },
    );
  });

  it('are malformed when a list ends within an entry or names no family', () => {
    const sequence = [19, 0, 4, 0, 0, 0, 1];
    const lists = { whole: [4, 10, 0, 0, 1, 26, 91], cut: [4, 10, 0, 0, 1, 26], family: [5, 10, 0, 0, 1, 26, 91] };
    const decoded = Object.entries(lists).map(([what, list]) => {
      const b = Uint8Array.from([6, 0, list.length, ...list, ...sequence]);
      return [what, decodeControl(CmType.addresses, b, 0, b.length)];
    });
    const whole = { type: CmType.addresses, addresses: [{ address: '10.0.0.1', port: 6747 }], sequence: 1 };
    expect(Object.fromEntries(decoded)).to.deep.equal({ whole, cut: undefined, family: undefined });
    const ragged = new Uint8Array(3 + 30);
    ragged.set([16, 0, 30]);
    expect(decodeControl(CmType.report, ragged, 0, ragged.length)).to.equal(undefined);
  });

  it('hand out copies, so that the receive buffer can be reused', () => {
    const b = encoded({ type: CmType.probe, challenge: new Uint8Array(8).fill(7), path: 1, traits: 0, nic: 0 });
    const probe = decodeControl(CmType.probe, b, 0, b.length);
    b.fill(0);
    expect(probe).to.deep.equal({
      type: CmType.probe,
      challenge: new Uint8Array(8).fill(7),
      path: 1,
      traits: 0,
      nic: 0,
    });
  });

  it('carry the first 16 addresses of a longer list', () => {
    const b = encoded({ type: CmType.addresses, addresses: many, sequence: 1 });
    expect(decodeControl(CmType.addresses, b, 0, b.length)).to.deep.equal({
      type: CmType.addresses,
      addresses: many.slice(0, MAX_ADDRESSES),
      sequence: 1,
    });
  });

  it('carry an IPv4-mapped address as IPv4', () => {
    const observed = { address: '::ffff:10.1.0.1', port: 6747 };
    const b = encoded({ type: CmType.probeReply, challenge: new Uint8Array(8), observed, traits: 0, nic: 0 });
    expect(decodeControl(CmType.probeReply, b, 0, b.length)).to.have.nested.property('observed.address', '10.1.0.1');
  });

  it('read a goodbye for an unheard-of reason as unknown', () => {
    const b = encoded({ type: CmType.goodbye, reason: 'restart' });
    b[3] = 99;
    expect(decodeControl(CmType.goodbye, b, 0, b.length)).to.deep.equal({ type: CmType.goodbye, reason: 'unknown' });
  });

  it('are no control messages when the type is data or unassigned', () => {
    for (const type of [CmType.data, 11, 15]) expect(decodeControl(type, new Uint8Array(0), 0, 0)).to.equal(undefined);
  });

  it('are refused by the encoder when a field has the wrong size', () => {
    const path = {
      path: 0,
      packets: 0,
      bytes: 0,
      lost: 0,
      lastArrival: 0,
      delay: 0,
      minDelay: 0,
      jitter: 0,
      longest: 0,
    };
    const paths = new Array(MAX_REPORT_PATHS + 1).fill(path);
    expect(() => encoded({ type: CmType.report, paths })).to.throw(RangeError);
    expect(() => encoded({ type: CmType.probe, challenge: new Uint8Array(7), path: 0, traits: 0, nic: 0 })).to.throw(
      RangeError,
    );
  });
});
