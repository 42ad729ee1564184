import { expect } from 'chai';
import fc from 'fast-check';
import type { Ordering, PacketMatch, RoutingRule } from '../../../src/core/routing/rules.js';
import { mpipSettings, parseDaemonConfig } from '../../../src/daemon/config.js';
import { covers } from '../../../src/daemon/rules/covers.js';
import { definitionOf } from '../../../src/daemon/rules/schema.js';
import { listRules, newRules, RuleError, withoutRule, withRule } from '../../../src/daemon/rules/table.js';
import { DocumentError } from '../../../src/document/error.js';

function rules(text: string): readonly RoutingRule[] {
  return parseDaemonConfig(`rules:\n${text}\npaths: [{ name: lte, metered: true }]\n`, 'mpipd.yaml').node.rules;
}

function problems(text: string): string[] {
  try {
    rules(text);
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    return error.problems.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`);
  }
  return [];
}

const TCP = 6;
const UDP = 17;

describe('rules in the configuration', () => {
  it("hold the paper's Table 6", () => {
    const table = rules(`
  - { name: ssh, port: 22, protocol: tcp, length: 0-200, priority: responsiveness }
  - { name: video, destination: 192.168.1.2, port: 5222, protocol: udp, length: 200-, priority: throughput }
  - { name: audio, destination: 192.168.1.2, port: 5221, protocol: udp, length: 0-500, priority: responsiveness }
`);
    const destination = { bytes: Uint8Array.of(192, 168, 1, 2), bits: 32 };
    expect(table).to.deep.equal([
      {
        name: 'ssh',
        match: { protocol: TCP, destinationPort: { from: 22, to: 22 }, length: { from: 0, to: 200 } },
        mode: 'single-path',
        select: {},
        copies: 1,
      },
      {
        name: 'video',
        match: {
          destination,
          protocol: UDP,
          destinationPort: { from: 5222, to: 5222 },
          length: { from: 200, to: 65_535 },
        },
        mode: 'all-paths',
        select: {},
        copies: 1,
      },
      {
        name: 'audio',
        match: { destination, protocol: UDP, destinationPort: { from: 5221, to: 5221 }, length: { from: 0, to: 500 } },
        mode: 'single-path',
        select: {},
        copies: 1,
      },
    ]);
  });

  it('take every key, in the forms that it has', () => {
    const [first, second, third, fourth, fifth] = rules(`
  - destination: fd00:1::/64
    source-port: 5000-5100
    length: { from: 100 }
    dscp: AF41
    pure-ack: false
    mode: selected-paths
    paths: { interfaces: [eth0, wlan0], addresses: ['FD00::0:2'], rtt-below: 50ms, loss-below: 2% }
  - { dscp: 10, length: -99, port: '80', mode: protected-path }
  - { pure-ack: true, mode: protected-path, copies: 3, paths: { interfaces: [eth1] } }
  - { port: 81, mode: single-path, paths: { names: [lte], metered: true, backup: false }, hold-limit: 50ms }
  - { port: 82, priority: throughput, reorder: off }
`) as RoutingRule[];
    expect(first).to.deep.equal({
      name: 'rule 1',
      match: {
        destination: { bytes: Uint8Array.of(0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), bits: 64 },
        sourcePort: { from: 5000, to: 5100 },
        length: { from: 100, to: 65_535 },
        dscp: 34,
        pureAck: false,
      },
      mode: 'selected-paths',
      select: { interfaces: ['eth0', 'wlan0'], addresses: ['fd00::2'], rttBelow: 50_000, lossBelow: 0.02 },
      copies: 1,
    });
    expect(second).to.deep.include({ name: 'rule 2', mode: 'protected-path', copies: 2 });
    expect(second!.match).to.deep.equal({
      destinationPort: { from: 80, to: 80 },
      length: { from: 0, to: 99 },
      dscp: 10,
    });
    expect(third).to.deep.include({ name: 'rule 3', copies: 3, match: { pureAck: true } });
    expect(fourth).to.deep.include({
      select: { names: ['lte'], metered: true, backup: false },
      ordering: { on: true, holdLimit: 50_000 },
    });
    expect(fifth!.ordering).to.deep.equal({ on: false });
  });

  const all = 'mode: all-paths';
  const wrong: Record<string, string[]> = {
    '- { port: 22 }': [
      '2:3 rules[0]: does not say which paths it takes; give priority (throughput or responsiveness) or mode',
    ],
    '- { priority: throughput, mode: all-paths }': [
      '2:15 rules[0].priority: there is a mode already; give one of priority and mode',
    ],
    '- { mode: single-path, copies: 2 }': ['2:32 rules[0].copies: only protected-path sends copies'],
    '- { mode: all-paths, reorder: off, hold-limit: 10ms }': [
      '2:48 rules[0].hold-limit: with reorder: off no packet is held',
    ],
    '- { mode: all-paths, length: 0-200, reorder: off }': [
      '2:46 rules[0].reorder: is for all packets of a session, so the rule cannot have length',
    ],
    '- { mode: all-paths, hold-limit: 6s }': [
      '2:34 rules[0].hold-limit: must be more than 0 and at most 5s; reorder: off waits for nothing',
    ],
    '- { mode: protected-path, copies: 1 }': ['2:35 rules[0].copies: 1 is too small; at least 2'],
    '- { priority: throughput, paths: { interfaces: [eth0] } }': [
      '2:34 rules[0].paths: throughput takes all paths; for some of them write mode: selected-paths',
    ],
    '- { mode: selected-paths }': ['2:11 rules[0].mode: selected-paths needs paths, which says the ones to take'],
    '- { mode: selected-paths, paths: {} }': [
      '2:34 rules[0].paths: selects nothing; give names, interfaces, addresses, rtt-below, loss-below, metered or backup',
    ],
    '- { mode: single-path, paths: { rtt-below: 50 } }': [
      '2:44 rules[0].paths.rtt-below: 50 has no unit; expected a duration such as 5ms, 20s or 1m (units: us, ms, s, m, min, h)',
    ],
    '- { mode: single-path, paths: { loss-below: 0% } }': [
      '2:45 rules[0].paths.loss-below: must be more than 0, or no path is ever below it',
    ],
    [`- { destination: 10.0.0.1/24, ${all} }`]: [
      '2:18 rules[0].destination: "10.0.0.1/24" has bits set after its prefix; the network is 10.0.0.0/24',
    ],
    [`- { destination: host.example, ${all} }`]: [
      '2:18 rules[0].destination: "host.example" is not an IP address such as 10.1.0.1 or fd00::1',
    ],
    [`- { port: 0, ${all} }`]: ['2:11 rules[0].port: must lie between 1 and 65535'],
    [`- { port: 90-80, ${all} }`]: ['2:11 rules[0].port: 90-80 holds nothing: 90 is larger'],
    [`- { port: http, ${all} }`]: ['2:11 rules[0].port: "http" is not a port such as 22, or ports such as 5000-5100'],
    [`- { length: { from: 9, to: 8 }, ${all} }`]: ['2:13 rules[0].length: from is larger than to, so it holds nothing'],
    [`- { protocol: icmp, ${all} }`]: ['2:15 rules[0].protocol: "icmp" is not allowed; allowed: tcp, udp'],
    [`- { dscp: gold, ${all} }`]: [
      '2:11 rules[0].dscp: "gold" is not a DSCP: 0 to 63, or one of cs0, cs1, cs2, cs3, cs4, cs5, cs6, cs7, af11, af12, af13, ' +
        'af21, af22, af23, af31, af32, af33, af41, af42, af43, ef, va, le, be',
    ],
    [`- { protocol: udp, pure-ack: true, ${all} }`]: ['2:30 rules[0].pure-ack: UDP has no acknowledgements'],
    [`- { name: default, ${all} }`]: ['2:11 rules[0].name: "default" is what packets take that no rule matches'],
    [`- { name: a, port: 1, ${all} }\n- { name: a, port: 2, ${all} }`]: [
      '3:11 rules[1].name: there is a rule "a" already, the 1st',
    ],
    [`- { name: rule 2, port: 1, ${all} }\n- { port: 2, ${all} }`]: [
      '3:3 rules[1]: there is a rule "rule 2" already, the 1st; give this one a name',
    ],
    [`- { name: everything, ${all} }\n- { port: 22, ${all} }`]: [
      '3:3 rules[1]: is never reached: "everything" before it matches all its packets',
    ],
    [`- { destination: 10.0.0.0/8, port: 1-99, ${all} }\n- { destination: 10.2.0.0/16, port: 22, dscp: ef, ${all} }`]: [
      '3:3 rules[1]: is never reached: "rule 1" before it matches all its packets',
    ],
    [`- { prot: 22, ${all} }`]: [
      '2:5 rules[0].prot: unknown key, did you mean "port"? allowed: name, destination, port, source-port, protocol, length, ' +
        'dscp, pure-ack, priority, mode, paths, copies, reorder, hold-limit',
    ],
  };
  for (const [text, expected] of Object.entries(wrong)) {
    it(`refuse ${text.replace('\n', ' ')}`, () => expect(problems(text)).to.deep.equal(expected));
  }

  it('may overlap when each has packets of its own', () => {
    expect(
      problems(`- { destination: 10.2.0.0/16, ${all} }\n- { destination: 10.0.0.0/8, ${all} }\n- { ${all} }`),
    ).to.deep.equal([]);
  });

  it('are checked in the settings of a lab node, too', () => {
    const issues = (list: unknown) => mpipSettings.safeParse({ rules: list }).error?.issues.map(({ path }) => path);
    expect(issues([{ priority: 'throughput' }])).to.equal(undefined);
    expect(issues([{ priority: 'throughput' }, { port: 22, mode: 'single-path' }])).to.deep.equal([['rules', 1]]);
  });
});

const range = (most: number) =>
  fc.tuple(fc.integer({ min: 1, max: most }), fc.integer({ min: 1, max: most })).map(([a, b]) => ({
    from: Math.min(a, b),
    to: Math.max(a, b),
  }));
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const network = fc
  .tuple(
    fc.constantFrom(4, 16),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  )
  .filter(([, , bytes]) => bytes[0] !== 0)
  .map(([length, share, random]) => {
    const bits = Math.round(length * 8 * share);
    const bytes = random.slice(0, length).map((byte, i) => byte & (0xff00 >> Math.max(0, Math.min(8, bits - i * 8))));
    return { bytes, bits };
  });

const match: fc.Arbitrary<PacketMatch> = fc
  .record({
    destination: maybe(network),
    protocol: maybe(fc.constantFrom(TCP, UDP)),
    destinationPort: maybe(range(65_535)),
    sourcePort: maybe(range(65_535)),
    length: maybe(range(65_535)),
    dscp: maybe(fc.nat(63)),
    pureAck: maybe(fc.constant(false)),
  })
  .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)));

describe('a rule', () => {
  it('is written in a form that is read as the same rule', () => {
    const select = fc.record({
      names: fc.uniqueArray(fc.constantFrom('lte', 'office'), { minLength: 1 }),
      interfaces: fc.uniqueArray(fc.constantFrom('eth0', 'eth1', 'wlan0'), { minLength: 1 }),
      metered: fc.boolean(),
      backup: fc.boolean(),
      addresses: fc.uniqueArray(fc.constantFrom('10.0.0.1', 'fd00::1'), { minLength: 1 }),
      rttBelow: fc.integer({ min: 1, max: 1e9 }),
      lossBelow: fc.integer({ min: 1, max: 10_000 }).map((share) => (share / 100) * 0.01),
    });
    const ordering: fc.Arbitrary<Ordering> = fc.oneof(
      fc.record({ on: fc.boolean() }),
      fc.record({ on: fc.constant(true), holdLimit: fc.integer({ min: 1, max: 5e6 }) }),
    );
    const modes = fc.oneof(
      fc.record({ mode: fc.constant('all-paths' as const), select: fc.constant({}), copies: fc.constant(1) }),
      fc.record({
        mode: fc.constantFrom('selected-paths' as const, 'single-path' as const),
        select,
        copies: fc.constant(1),
      }),
      fc.record({ mode: fc.constant('protected-path' as const), select, copies: fc.integer({ min: 2, max: 8 }) }),
    );
    fc.assert(
      fc.property(match, modes, maybe(ordering), ({ ...matched }, rest, order) => {
        const whole = !('length' in matched || 'dscp' in matched || 'pureAck' in matched);
        const rule: RoutingRule = { name: 'x', match: matched, ...rest, ...(whole && order && { ordering: order }) };
        expect(newRules(JSON.parse(JSON.stringify([definitionOf(rule)])))).to.deep.equal([rule]);
      }),
      { seed: 6, numRuns: 500 },
    );
  });

  it('covers another exactly when it takes all its packets', () => {
    const small = fc.record({
      length: maybe(range(4)),
      dscp: maybe(fc.nat(2)),
      destination: maybe(fc.constantFrom([0, 1], [0x80, 1], [0xc0, 2], [0xa0, 3])),
    });
    const matches = ({ length, dscp, destination }: PacketMatch, bytes: number, mark: number, first: number): boolean =>
      (length === undefined || (bytes >= length.from && bytes <= length.to)) &&
      (dscp === undefined || dscp === mark) &&
      (destination === undefined ||
        first.toString(2).padStart(8, '0').slice(0, destination.bits) ===
          (destination.bytes[0] as number).toString(2).padStart(8, '0').slice(0, destination.bits));
    const build = fc.tuple(small, small).map((both) =>
      both.map(({ destination, ...rest }) => ({
        ...rest,
        ...(destination && {
          destination: { bytes: Uint8Array.of(destination[0] as number, 0, 0, 0), bits: destination[1] as number },
        }),
      })),
    );
    fc.assert(
      fc.property(build, ([outer, inner]) => {
        let all = true;
        for (let bytes = 0; bytes <= 5; bytes++) {
          for (let mark = 0; mark <= 3; mark++) {
            for (const first of [0x00, 0x40, 0x80, 0xa0, 0xc0, 0xff]) {
              if (
                matches(inner as PacketMatch, bytes, mark, first) &&
                !matches(outer as PacketMatch, bytes, mark, first)
              )
                all = false;
            }
          }
        }
        expect(covers(outer as PacketMatch, inner as PacketMatch)).to.equal(all);
      }),
      { seed: 7, numRuns: 2000 },
    );
  });
});

describe('changes of the rules', () => {
  const ssh = newRules([{ name: 'ssh', port: 22, priority: 'responsiveness' }]);

  it('add at the end or in front of another, with a name of its own where none is given', () => {
    const two = withRule(ssh, { port: 53, mode: 'all-paths' });
    expect(two.map(({ name }) => name)).to.deep.equal(['ssh', 'rule 2']);
    const three = withRule(
      withoutRule(withRule(two, { port: 80, mode: 'all-paths' }), 'ssh'),
      { port: 81, mode: 'all-paths' },
      'rule 3',
    );
    expect(three.map(({ name }) => name)).to.deep.equal(['rule 2', 'rule 4', 'rule 3']);
  });

  const refused: [() => unknown, string][] = [
    [
      () => withRule(ssh, { port: 22, mode: 'all-paths', name: 'x' }),
      'rule "x": is never reached: "ssh" before it matches all its packets',
    ],
    [
      () => withRule(ssh, { mode: 'all-paths' }, 'ssh'),
      'rule "ssh": is never reached: "rule 2" before it matches all its packets',
    ],
    [() => withRule(ssh, { name: 'ssh', mode: 'all-paths' }), 'rule "ssh": there is a rule "ssh" already, the 1st'],
    [() => withRule(ssh, { mode: 'all-paths' }, 'shh'), 'there is no rule "shh", did you mean "ssh"?'],
    [() => withoutRule(ssh, 'other'), 'there is no rule "other"; there are: ssh'],
    [() => withRule(ssh, 'port 22'), 'expected a map, not "port 22"'],
    [() => newRules({}), 'expected a list, not a map'],
    [
      () => newRules(Array.from({ length: 257 }, (_, i) => ({ port: i + 1, mode: 'all-paths' }))),
      'has 257 items; at most 256 allowed',
    ],
  ];
  for (const [change, message] of refused) {
    it(`are refused: ${message}`, () => expect(change).to.throw(RuleError, message));
  }

  it('are listed in the form of documents, with the counts of the node and what no rule matches', () => {
    expect(listRules(ssh, [{ name: 'default', packets: 7, bytes: 800 }])).to.deep.equal([
      { rule: { name: 'ssh', port: '22', mode: 'single-path' }, packets: 0, bytes: 0 },
      { rule: { name: 'default', mode: 'all-paths' }, packets: 7, bytes: 800 },
    ]);
  });
});
