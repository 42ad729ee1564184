import { expect } from 'chai';
import fc from 'fast-check';
import {
  DEFAULT_RULE,
  type FlowKey,
  isPureAck,
  type PacketMatch,
  type RoutingRule,
  RuleSet,
  ruleFor,
} from '../../../src/core/routing/rules.js';
import { ACK, CWR, ECE, FIN, PSH, RST, SYN } from '../../../src/core/wire/tcp.js';

const TCP = 6;
const UDP = 17;

interface Packet extends FlowKey {
  readonly length: number;
  readonly dscp: number;
  readonly pureAck: boolean;
}

function rule(name: string, match: PacketMatch): RoutingRule {
  return { name, match, mode: 'single-path', select: {}, copies: 1 };
}

function bitsOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
}

/** What the words of the documentation say, one criterion after the other. */
function matches(match: PacketMatch, packet: Packet): boolean {
  const within = (range: PacketMatch['length'], value: number): boolean =>
    range === undefined || (range.from <= value && value <= range.to);
  const same = <T>(wanted: T | undefined, value: T): boolean => wanted === undefined || wanted === value;
  const { destination } = match;
  const network = destination && bitsOf(destination.bytes).slice(0, destination.bits);
  return (
    (destination === undefined ||
      (destination.bytes.length === packet.destination.length &&
        bitsOf(packet.destination).startsWith(network as string))) &&
    same(match.protocol, packet.protocol) &&
    within(match.destinationPort, packet.destinationPort) &&
    within(match.sourcePort, packet.sourcePort) &&
    within(match.length, packet.length) &&
    same(match.dscp, packet.dscp) &&
    same(match.pureAck, packet.pureAck)
  );
}

// Few values, so that rules and packets meet.
const byte = fc.constantFrom(0x00, 0x01, 0x0a, 0x7f, 0x80, 0xfe, 0xff);
const address = fc
  .constantFrom(4, 16)
  .chain((length) =>
    fc
      .tuple(byte, byte, byte)
      .map((some) => Uint8Array.from({ length }, (_, i) => (i < 2 || i === length - 1 ? some[Math.min(i, 2)]! : 0))),
  );
const number = fc.nat(6);
const range = fc.tuple(number, number).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });
const network = address.chain((bytes) =>
  fc.nat(bytes.length * 8).map((bits) => ({
    bits,
    bytes: bytes.map((value, i) => value & (0xff00 >> Math.max(0, Math.min(8, bits - i * 8)))),
  })),
);

const match: fc.Arbitrary<PacketMatch> = fc
  .record({
    destination: maybe(network),
    protocol: maybe(fc.constantFrom(TCP, UDP)),
    destinationPort: maybe(range),
    sourcePort: maybe(range),
    length: maybe(range),
    dscp: maybe(fc.nat(2)),
    pureAck: maybe(fc.boolean()),
  })
  .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)));

const packet: fc.Arbitrary<Packet> = fc.record({
  destination: address,
  protocol: fc.constantFrom(TCP, UDP),
  destinationPort: number,
  sourcePort: number,
  length: number,
  dscp: fc.nat(2),
  pureAck: fc.boolean(),
});

describe('rules', () => {
  it('match by destination, ports, protocol, length, DSCP and pure ACK; the first that matches counts', () => {
    const outcome = { matched: 0, unmatched: 0, later: 0 };
    fc.assert(
      fc.property(
        fc.array(match, { maxLength: 8 }),
        fc.array(packet, { minLength: 1, maxLength: 20 }),
        (all, packets) => {
          const rules = all.map((one, i) => rule(`r${i}`, one));
          const set = new RuleSet(rules);
          for (const one of packets) {
            const expected = rules.findIndex((candidate) => matches(candidate.match, one));
            const found = ruleFor(set.candidates(one), one.length, one.dscp, one.pureAck).rule;
            expect(found).to.equal(rules[expected] ?? DEFAULT_RULE);
            if (expected < 0) outcome.unmatched++;
            else outcome.matched++;
            if (expected > 0) outcome.later++;
          }
        },
      ),
      { seed: 36, numRuns: 3000 },
    );
    // Neither outcome is rare, or the comparison would say little.
    for (const [name, count] of Object.entries(outcome)) expect(count, name).to.be.greaterThan(500);
  });

  it('see a pure ACK in a segment without data that only acknowledges', () => {
    for (const flags of [ACK, ACK | PSH, ACK | ECE, ACK | CWR])
      expect(isPureAck(flags, 0), String(flags)).to.equal(true);
    for (const flags of [SYN, SYN | ACK, FIN | ACK, RST | ACK, RST, 0])
      expect(isPureAck(flags, 0), String(flags)).to.equal(false);
    expect(isPureAck(ACK, 1)).to.equal(false);
  });

  it('that stay when others are put in their place keep their counts, and so does what none matches', () => {
    const first = new RuleSet([rule('ssh', { destinationPort: { from: 22, to: 22 } }), rule('dns', { protocol: UDP })]);
    for (const active of [...first.active, first.rest]) active.packets = 5;
    const same = rule('dns', { protocol: UDP });
    const second = new RuleSet([same, rule('ssh', { destinationPort: { from: 22, to: 23 } })], first);
    expect(second.active.map(({ rule: { name }, packets }) => [name, packets])).to.deep.equal([
      ['dns', 5],
      ['ssh', 0],
    ]);
    expect(second.active[0]).to.equal(first.active[1]);
    expect(second.rest.packets).to.equal(5);
  });
});
