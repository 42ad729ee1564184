/** Claims computed over the metrics of a run: what was promised against what was measured. */

import {
  ClaimError,
  type ClaimSyntax,
  type Comparison,
  type Expression,
  namesIn,
  type OverRepetitions,
  parseClaim,
} from './claim-syntax.js';
import { median } from './distribution.js';
import { METRIC_SUFFIXES, type Quantity, type Unit, unitOfMetric } from './quantity.js';

export interface ClaimOutcome {
  /** The claim as it was written. */
  readonly text: string;
  /** Both sides in base units (bit/s, s, bytes or plain numbers). */
  readonly left: number;
  readonly right: number;
  readonly unit: Unit;
  readonly pass: boolean;
}

/** A claim that could not be computed because something was not measured: it does not hold. */
export interface UnmeasuredClaim {
  readonly text: string;
  readonly left: null;
  readonly right: null;
  readonly unit: '';
  readonly pass: false;
  readonly problem: string;
}

/** Metrics of a run as claims see them: by full name, "mpip.download.goodput_bps". */
export type MetricTable = ReadonlyMap<string, number>;

/** What a claim is computed over. */
interface Measured {
  readonly metrics: MetricTable;
  readonly repetitions: readonly MetricTable[];
}

/**
 * Computes one claim. A name is a metric's full name, its unit suffix may be left out: "mpip.download.goodput". `metrics` has the
 * medians of several repetitions; `repetitions` those of each, for least(...), most(...) and median(...).
 * Throws ClaimError: E_CLAIM_SYNTAX, E_CLAIM_METRIC, E_CLAIM_UNIT when unlike quantities meet, E_CLAIM_NOT_FINITE on a division by 0.
 */
export function evaluateClaim(
  text: string,
  metrics: MetricTable,
  repetitions: readonly MetricTable[] = [metrics],
): ClaimOutcome {
  const claim = parseClaim(text);
  const evaluate = (e: Expression): Quantity => quantityOf(e, text, { metrics, repetitions });
  const left = evaluate(claim.left);
  const right = evaluate(claim.right);
  requireSameUnit(left, right, text, claim.at);
  if (!Number.isFinite(left.value) || !Number.isFinite(right.value)) {
    throw new ClaimError('E_CLAIM_NOT_FINITE', text, claim.at, `a side of the claim is no finite number`);
  }
  return {
    text,
    left: left.value,
    right: right.value,
    unit: left.unit,
    pass: holds(claim, left, right, evaluate, text),
  };
}

/** Like evaluateClaim; what was not measured, or gives no finite number, is told in the outcome. Throws ClaimError for other mistakes. */
export function judgeClaim(
  text: string,
  metrics: MetricTable,
  repetitions: readonly MetricTable[],
): ClaimOutcome | UnmeasuredClaim {
  try {
    return evaluateClaim(text, metrics, repetitions);
  } catch (error) {
    if (!(error instanceof ClaimError) || (error.code !== 'E_CLAIM_METRIC' && error.code !== 'E_CLAIM_NOT_FINITE')) {
      throw error;
    }
    const name = /^[\w.-]+/.exec(text.slice(error.position))?.[0];
    const problem = error.code === 'E_CLAIM_METRIC' ? `${name} was not measured` : error.problem;
    return { text, left: null, right: null, unit: '', pass: false, problem };
  }
}

/** First components of the names in a claim: the arms that it needs ("limit" and the like have no arm). */
export function armsIn(text: string): string[] {
  const arms = namesIn(parseClaim(text))
    .filter((name) => name.includes('.'))
    .map((name) => name.slice(0, name.indexOf('.')));
  return [...new Set(arms)];
}

function holds(
  claim: ClaimSyntax,
  left: Quantity,
  right: Quantity,
  evaluate: (e: Expression) => Quantity,
  text: string,
): boolean {
  if (claim.kind === 'compare') return compare(claim.operator, left.value, right.value);
  const tolerance = evaluate(claim.tolerance);
  // A plain number is a share of the right side; a quantity is a distance from it.
  if (tolerance.unit !== '') requireSameUnit(tolerance, right, text, claim.tolerance.at);
  const allowed = tolerance.unit === '' ? tolerance.value * Math.abs(right.value) : tolerance.value;
  return Math.abs(left.value - right.value) <= allowed;
}

function compare(operator: Comparison, left: number, right: number): boolean {
  switch (operator) {
    case '>=':
      return left >= right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '<':
      return left < right;
    case '==':
      return left === right;
  }
}

function quantityOf(e: Expression, text: string, measured: Measured): Quantity {
  switch (e.kind) {
    case 'quantity':
      return e.quantity;
    case 'name':
      return lookUp(e.name, e.at, text, measured.metrics);
    case 'negate': {
      const operand = quantityOf(e.operand, text, measured);
      return { value: -operand.value, unit: operand.unit };
    }
    case 'call': {
      const operands = e.operands.map((operand) => quantityOf(operand, text, measured));
      for (const operand of operands) requireSameUnit(operands[0]!, operand, text, e.at);
      const values = operands.map((operand) => operand.value);
      return { value: e.name === 'min' ? Math.min(...values) : Math.max(...values), unit: operands[0]!.unit };
    }
    case 'over': {
      const values = measured.repetitions.map((metrics) =>
        quantityOf(e.operand, text, { metrics, repetitions: [metrics] }),
      );
      return { value: OVER[e.name](values.map(({ value }) => value)), unit: values[0]!.unit };
    }
    case 'binary':
      return binary(e, quantityOf(e.left, text, measured), quantityOf(e.right, text, measured), text);
  }
}

const OVER: Readonly<Record<OverRepetitions, (values: readonly number[]) => number>> = {
  least: (values) => Math.min(...values),
  most: (values) => Math.max(...values),
  median,
};

function binary(e: Expression & { kind: 'binary' }, left: Quantity, right: Quantity, text: string): Quantity {
  switch (e.operator) {
    case '+':
    case '-':
      requireSameUnit(left, right, text, e.at);
      return { value: e.operator === '+' ? left.value + right.value : left.value - right.value, unit: left.unit };
    case '*':
      if (left.unit !== '' && right.unit !== '') {
        throw new ClaimError('E_CLAIM_UNIT', text, e.at, `${left.unit} cannot be multiplied by ${right.unit}`);
      }
      return { value: left.value * right.value, unit: left.unit === '' ? right.unit : left.unit };
    case '/':
      if (right.unit !== '') requireSameUnit(left, right, text, e.at);
      return { value: left.value / right.value, unit: right.unit === '' ? left.unit : '' };
  }
}

function lookUp(name: string, at: number, text: string, metrics: MetricTable): Quantity {
  for (const suffix of ['', ...Object.keys(METRIC_SUFFIXES)]) {
    const value = metrics.get(name + suffix);
    if (value !== undefined) return { value, unit: unitOfMetric(name + suffix) };
  }
  const known = [...metrics.keys()].sort().join(', ');
  throw new ClaimError('E_CLAIM_METRIC', text, at, `no metric is called "${name}"; measured were: ${known}`);
}

function requireSameUnit(left: Quantity, right: Quantity, text: string, at: number): void {
  if (left.unit === right.unit) return;
  const words = [left, right].map(({ unit }) => (unit === '' ? 'a plain number' : unit));
  throw new ClaimError('E_CLAIM_UNIT', text, at, `${words[0]} and ${words[1]} do not go together`);
}
