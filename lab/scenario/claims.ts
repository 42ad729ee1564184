/** Claims of scenarios, checked before anything is run: that they can be read, that their metrics exist, that their units go together. */
import type { DocumentProblem } from '../../src/document/error.js';
import { nearest } from '../../src/document/nearest.js';
import { planOf } from '../experiment/arm-plan.js';
import type { Arm } from '../experiment/experiment.js';
import { endsOf, limitOf } from '../experiment/limit-of.js';
import { mainOf } from '../experiment/run-arm.js';
import { linksBetween } from '../measure/links.js';
import { type Measure, metricsOf } from '../measure/measures.js';
import { REORDER_METRICS } from '../measure/reordering.js';
import { ruleMetric, rulesWithMetric } from '../measure/rule-rates.js';
import type { Plan } from '../plan/plan.js';
import { ClaimError } from '../results/claim-syntax.js';
import { evaluateClaim } from '../results/claims.js';
import { METRIC_SUFFIXES } from '../results/quantity.js';
import { kindOf, type Workload } from '../workloads/kinds.js';
import { subjectOf } from './subject.js';

/** What is wrong with a claim; `position` counts characters of it from 0. */
export interface ClaimFault {
  readonly position: number;
  readonly message: string;
}

/** null: the claim can be computed over what this case measures. */
export function faultOf(
  claim: string,
  arms: readonly Arm[],
  plan: Plan,
  workloads: readonly Workload[],
  measures: readonly Measure[],
): ClaimFault | null {
  const known = metricNames(arms, plan, workloads, measures);
  const open = openPrefixes(arms, workloads);
  // Any value will do: what is checked is that there is one, and its unit.
  const table = new Map([...known].map((name) => [name, 1]));
  for (;;) {
    try {
      evaluateClaim(claim, table);
      return null;
    } catch (error) {
      if (!(error instanceof ClaimError)) throw error;
      if (error.code === 'E_CLAIM_NOT_FINITE') return null;
      const name = error.code === 'E_CLAIM_METRIC' ? (/^[\w.-]+/.exec(claim.slice(error.position))?.[0] ?? '') : '';
      if (name !== '' && open.some((prefix) => name.startsWith(prefix))) {
        table.set(name, 1);
        continue;
      }
      return { position: error.position, message: name === '' ? error.problem : unknownMetric(name, [...known], arms) };
    }
  }
}

/** Names of all metrics that the arms have. */
function metricNames(
  arms: readonly Arm[],
  plan: Plan,
  workloads: readonly Workload[],
  measures: readonly Measure[],
): Set<string> {
  const names = new Set<string>();
  const main = mainOf(workloads);
  const ends = main === null ? null : endsOf(main.flow);
  const links = ends === null ? [] : linksBetween(plan, ends.sender, ends.receiver);
  const subject = subjectOf(arms);
  if (main !== null && subject !== null && limitOf(subject, plan, main.workload) !== null) names.add('limit_bps');
  for (const arm of arms) {
    const add = (name: string): void => void names.add(`${arm.id}.${name}`);
    if (main !== null && limitOf(arm, plan, main.workload) !== null) add('limit_bps');
    for (const { name, rateBps } of links) {
      add(`${name}.rate_bps`);
      add(`${name}.slowest_rate_bps`);
      if (rateBps !== null) add(`${name}.capacity_bps`);
    }
    if (links.length > 0) add('total.rate_bps');
    for (const workload of workloads) {
      for (const metric of kindOf(workload).metrics(workload) ?? ['exit_status', 'duration_s'])
        add(`${workload.name}.${metric}`);
    }
    for (const measure of measures) for (const metric of metricsOf(measure)) add(metric);
    if (arm.mpip && main !== null) for (const metric of REORDER_METRICS) add(`${main.workload.name}.${metric}`);
    const sender = ends && planOf(arm, plan).nodes.find((node) => node.name === ends.sender);
    for (const rule of rulesWithMetric(sender?.mpip?.settings ?? {})) add(ruleMetric(main!.workload.name, rule));
    if (arm.mptcp && main?.flow.transport === 'tcp') add(`${main.workload.name}.subflows`);
  }
  return names;
}

/** Beginnings of the names of metrics that only a run can tell. */
function openPrefixes(arms: readonly Arm[], workloads: readonly Workload[]): string[] {
  const open = workloads.filter((workload) => kindOf(workload).metrics(workload) === null);
  return arms.flatMap((arm) => open.map(({ name }) => `${arm.id}.${name}.`));
}

function unknownMetric(name: string, known: readonly string[], arms: readonly Arm[]): string {
  const short = known.map(withoutUnit);
  const [arm = ''] = name.split('.');
  const meant = nearest(name, short);
  const hint = meant === undefined ? ';' : `, did you mean ${meant}?`;
  const ids = arms.map(({ id }) => id);
  if (name === 'limit') {
    return 'there is no limit: the first workload between two nodes does not take all it can get, or its links have no rate';
  }
  if (name.includes('.') && !ids.includes(arm)) {
    return `no arm is called ${JSON.stringify(arm)}; arms: ${ids.join(', ')}`;
  }
  const ofArm = short.filter((candidate) => candidate.startsWith(`${arm}.`));
  const list = ofArm.length > 0 ? ofArm : short;
  return `no metric is called ${JSON.stringify(name)}${hint} metrics: ${list.join(', ')}`;
}

function withoutUnit(name: string): string {
  const suffix = Object.keys(METRIC_SUFFIXES).find((unit) => name.endsWith(unit));
  return suffix === undefined ? name : name.slice(0, -suffix.length);
}

/** The problem of a claim, at the character that is at fault where the text of the file is the claim's own. */
export function problemOf(atClaim: DocumentProblem, claim: string, { position, message }: ClaimFault): DocumentProblem {
  const quotes = atClaim.length - claim.length;
  if (quotes !== 0 && quotes !== 2) return { ...atClaim, message };
  return { ...atClaim, column: atClaim.column + quotes / 2 + position, length: 1, message };
}
