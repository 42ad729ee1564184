import { expect } from 'chai';
import fc from 'fast-check';
import { ClaimError } from '../../../../lab/results/claim-syntax.js';
import { armsIn, evaluateClaim, judgeClaim } from '../../../../lab/results/claims.js';

const METRICS = new Map([
  ['limit_bps', 55.76e6],
  ['mpip.download.goodput_bps', 55e6],
  ['mptcp.download.goodput_bps', 56e6],
  ['mpip.download.retransmissions', 3],
  ['mpip.longest_gap_s', 0.15],
  ['mptcp-mpip.download.goodput_bps', 54e6],
]);

const check = (text: string) => evaluateClaim(text, METRICS);

function failure(text: string): ClaimError {
  try {
    check(text);
  } catch (error) {
    if (error instanceof ClaimError) return error;
    throw error;
  }
  throw new Error(`"${text}" was accepted`);
}

describe('claims', () => {
  it('compare a metric with a share of the limit', () => {
    expect(check('mpip.download.goodput >= 0.95 * limit')).to.deep.equal({
      text: 'mpip.download.goodput >= 0.95 * limit',
      left: 55e6,
      right: 0.95 * 55.76e6,
      unit: 'bit/s',
      pass: true,
    });
  });

  it('compare arms of the same run', () => {
    expect(check('mpip.download.goodput >= 97% * mptcp.download.goodput').pass).to.equal(true);
    expect(check('mpip.download.goodput > mptcp.download.goodput').pass).to.equal(false);
  });

  it('take names with and without their unit', () => {
    expect(check('mpip.download.goodput_bps == mpip.download.goodput').pass).to.equal(true);
  });

  it('take numbers with units', () => {
    expect(check('mpip.download.goodput > 54.9mbit').pass).to.equal(true);
    expect(check('mpip.longest_gap < 200ms').pass).to.equal(true);
    expect(check('mpip.longest_gap < 0.1s').pass).to.equal(false);
  });

  it('bind products before sums and brackets before products', () => {
    expect(check('2 + 3 * 4 == 14').pass).to.equal(true);
    expect(check('(2 + 3) * 4 == 20').pass).to.equal(true);
    expect(check('12 / 2 / 3 == 2').pass).to.equal(true);
    expect(check('10 - 4 - 3 == 3').pass).to.equal(true);
    expect(check('-2 * -3 == 6').pass).to.equal(true);
  });

  it('know min and max', () => {
    expect(check('mpip.download.goodput >= min(limit, mptcp.download.goodput, 55mbit)').pass).to.equal(true);
    expect(check('mpip.download.goodput >= max(limit, mptcp.download.goodput)').pass).to.equal(false);
  });

  it('have a both-sided comparison: a share of the right side, or a distance', () => {
    expect(check('mpip.download.goodput within 5% of 57.8mbit').pass).to.equal(true);
    expect(check('mpip.download.goodput within 5% of 58mbit').pass).to.equal(false);
    expect(check('mpip.download.goodput within 5% of 52.3mbit').pass).to.equal(false);
    expect(check('mpip.longest_gap within 20ms of 140ms').pass).to.equal(true);
    expect(check('mpip.longest_gap within 5ms of 140ms').pass).to.equal(false);
  });

  it('let names hold hyphens; a minus after a name takes a blank', () => {
    expect(check('mptcp-mpip.download.goodput == 54mbit').pass).to.equal(true);
    expect(check('limit - 0.76mbit == 55mbit').pass).to.equal(true);
  });

  it('name the arms that they need', () => {
    expect(armsIn('mpip.download.goodput >= 97% * max(mptcp.download.goodput, limit)')).to.deep.equal([
      'mpip',
      'mptcp',
    ]);
  });

  it('compute sums as JavaScript does, whatever the numbers', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.nat(1e6), fc.nat(1e6), (a, b, c) => {
        expect(evaluateClaim(`${a} + ${b} * ${c} == 0`, METRICS).left).to.equal(a + b * c);
        expect(evaluateClaim(`(${a} - ${b}) * ${c} == 0`, METRICS).left).to.equal((a - b) * c);
      }),
    );
  });

  it('never fail with anything but a ClaimError, whatever is written', () => {
    const piece = fc.constantFrom(
      'limit',
      'mpip.download.goodput',
      '5%',
      '3s',
      '2',
      '*',
      '/',
      '-',
      '(',
      ')',
      '>=',
      'of',
      '§',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 12 }), (pieces) => {
        try {
          evaluateClaim(pieces.join(' '), METRICS);
        } catch (error) {
          expect(error).to.be.instanceOf(ClaimError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('errors in claims', () => {
  const cases: readonly [title: string, claim: string, code: string, position: number, problem: string][] = [
    ['nothing is compared', 'limit * 2', 'E_CLAIM_SYNTAX', 9, 'a claim compares'],
    ['something follows', 'limit > 2mbit 3', 'E_CLAIM_SYNTAX', 14, 'expected the end of the claim, found "3"'],
    ['an operand is missing', 'limit >= ', 'E_CLAIM_SYNTAX', 9, 'found the end of the claim'],
    ['a bracket is open', '(limit > 2', 'E_CLAIM_SYNTAX', 7, 'expected ")", found ">"'],
    ['a unit is unknown', 'limit > 40mbps', 'E_CLAIM_SYNTAX', 10, '"mbps" is no unit; allowed: %'],
    ['a character has no meaning', 'limit > 4 & 5', 'E_CLAIM_SYNTAX', 10, 'no use for "&"'],
    ['within lacks of', 'limit within 5% limit', 'E_CLAIM_SYNTAX', 16, 'expected "of", found "limit"'],
    ['a metric is unknown', '5 < mpip.upload.goodput', 'E_CLAIM_METRIC', 4, 'mpip.download.goodput_bps'],
    ['unlike units are compared', 'limit > 5s', 'E_CLAIM_UNIT', 6, 'bit/s and s do not go together'],
    ['unlike units are added', 'limit + 5 > 1', 'E_CLAIM_UNIT', 6, 'bit/s and a plain number'],
    ['a division is by zero', '5 / 0 > 1', 'E_CLAIM_NOT_FINITE', 6, 'no finite number'],
    ['quantities are multiplied', 'limit * limit > 1', 'E_CLAIM_UNIT', 6, 'cannot be multiplied'],
    ['a name is a property of objects', 'constructor > 1', 'E_CLAIM_METRIC', 0, 'no metric is called'],
    ['a unit is a property of objects', '1toString > 1', 'E_CLAIM_SYNTAX', 1, '"toString" is no unit'],
  ];
  for (const [title, claim, code, position, problem] of cases) {
    it(`say where: ${title}`, () => {
      const error = failure(claim);
      expect(error.code).to.equal(code);
      expect(error.position).to.equal(position);
      expect(error.problem).to.include(problem);
      expect(error.message.split('\n').at(-1)).to.equal(`  ${' '.repeat(position)}^`);
    });
  }
});

describe('claims about repetitions', () => {
  const repetitions = [
    [50, 40],
    [60, 55],
    [20, 10],
  ].map(([mpip, ip]) => new Map(Object.entries({ 'mpip.x_bps': mpip!, 'ip.x_bps': ip! })));
  const medians = new Map(Object.entries({ 'mpip.x_bps': 50, 'ip.x_bps': 40 }));
  const leftOf = (expression: string): number =>
    evaluateClaim(`${expression} >= 0 * ${expression}`, medians, repetitions).left;

  it('mean medians where nothing else is said', () => {
    expect(leftOf('mpip.x')).to.equal(50);
  });

  it('look at the least, the most and the median of what an expression is in each', () => {
    expect(leftOf('least(mpip.x)')).to.equal(20);
    expect(leftOf('most(mpip.x)')).to.equal(60);
    expect(leftOf('least(mpip.x / ip.x)')).to.be.closeTo(60 / 55, 1e-9);
    expect(leftOf('median(mpip.x - ip.x)')).to.equal(10);
    expect(leftOf('most(mpip.x) - least(mpip.x)')).to.equal(40);
  });

  it('need one expression in brackets; without brackets the words are names', () => {
    expect(() => evaluateClaim('least(mpip.x, ip.x) > 1', medians, repetitions)).to.throw(ClaimError, 'expected ")"');
    expect(evaluateClaim('least == 3', new Map([['least', 3]])).pass).to.equal(true);
    expect(armsIn('least(mpip.x / ip.x) > 1')).to.deep.equal(['mpip', 'ip']);
  });

  it('do not hold, and say why, when something was not measured', () => {
    expect(judgeClaim('mpip.y > 1', medians, repetitions)).to.deep.include({ pass: false, left: null, right: null });
    expect(judgeClaim('mpip.x / 0 > 1bit', medians, repetitions)).to.deep.include({ pass: false, left: null });
    expect(() => judgeClaim('mpip.x > 1s', medians, repetitions)).to.throw(ClaimError);
  });
});
