/** A result document as text for a terminal. */

import { combinationOf } from './combination.js';
import { comparisonOf } from './comparison.js';
import { median } from './distribution.js';
import type { ResultDocument } from './document.js';
import { formatQuantity, unitOfMetric } from './quantity.js';

/** Goodput, rates, limits and claims of a run. */
export function summarize(document: ResultDocument): string {
  const links = document.links.map(({ name }) => name);
  const header = ['', ...links, 'total', 'goodput', 'limit', 'of limit'];
  const rows = Object.values(document.arms).map(({ label, metrics, limit_bps }) => {
    const goodput = sum(metrics, '.goodput_bps');
    const share = limit_bps === null ? '' : `${((100 * goodput) / limit_bps).toFixed(1)} %`;
    const rates = [...links, 'total'].map((link) => mbit(metrics[`${link}.rate_bps`]));
    return [label, ...rates, mbit(goodput), mbit(limit_bps ?? undefined), share];
  });
  const capacities = document.links.map(({ rate_bps }) => rate_bps);
  const whole = capacities.includes(null) ? undefined : capacities.reduce<number>((all, rate) => all + (rate ?? 0), 0);
  const capacityRow = ['capacity', ...capacities.map((rate) => mbit(rate ?? undefined)), mbit(whole), '', '', ''];
  const named = document.paper === null ? document.experiment : `${document.experiment}, ${document.paper}`;
  return [
    `${named}: ${document.title}`,
    '',
    ...table([header, ...rows, capacityRow]),
    '',
    `Mbit/s; links and total on the wire at the receiver from ${document.settled_s} s on, goodput of the whole ${document.duration_s} s`,
    '',
    ...claimLines(document),
    '',
  ].join('\n');
}

/** Metrics of the arms in columns, and claims: of a scenario, whose metrics are not all throughput. `names`: of the metrics. */
export function summarizeMetrics(document: ResultDocument, names: readonly string[]): string {
  const arms = Object.values(document.arms);
  const combination = combinationOf(document);
  const of = combination === '' ? '' : ` (${combination})`;
  const repeated =
    arms[0]?.repetitions === undefined ? [] : [`medians of ${arms[0].repetitions.length} repetitions`, ''];
  const cell = (name: string, value: number | undefined): string =>
    value === undefined ? '-' : formatQuantity({ value, unit: unitOfMetric(name) });
  const rows = names.map((name) => [name, ...arms.map(({ metrics }) => cell(name, metrics[name]))]);
  const limits = arms.some(({ limit_bps }) => limit_bps !== null)
    ? [['limit', ...arms.map(({ limit_bps }) => cell('limit_bps', limit_bps ?? undefined))]]
    : [];
  return [
    `${document.experiment}${of}: ${document.title}`,
    '',
    ...table([['', ...arms.map(({ label }) => label)], ...rows, ...limits]),
    '',
    ...repeated,
    ...claimLines(document),
    '',
  ].join('\n');
}

/** Those of the metrics that are in bit/s, over all combinations, where there are several arms to compare; '' otherwise. */
export function summarizeCombinations(documents: readonly ResultDocument[], metrics: readonly string[]): string {
  return metrics
    .filter((metric) => unitOfMetric(metric) === 'bit/s')
    .flatMap((metric) => {
      const comparison = comparisonOf(documents, metric);
      if (comparison === null) return [];
      return [`${documents[0]!.experiment}: ${metric}`, '', ...table([comparison.heads, ...comparison.rows]), ''];
    })
    .join('\n');
}

/** Median and spread of every goodput, and how often each claim held. */
export function summarizeRepeats(documents: readonly ResultDocument[]): string {
  const rows = Object.entries(documents[0]!.arms).flatMap(([id, arm]) =>
    Object.keys(arm.metrics)
      .filter((name) => name.endsWith('.goodput_bps') || name.endsWith('.rate_bps'))
      .map((name) => {
        const values = documents
          .map((document) => document.arms[id]?.metrics[name] ?? Number.NaN)
          .sort((a, b) => a - b);
        return [`${id}.${name}`, mbit(median(values)), mbit(values[0]), mbit(values.at(-1))];
      }),
  );
  const claims = documents[0]!.claims.map(({ text }) => {
    const held = documents.filter(({ claims }) => claims.some((claim) => claim.text === text && claim.pass)).length;
    return `  ${held} of ${documents.length}  ${text}`;
  });
  return [
    `${documents.length} runs of ${documents[0]!.experiment}, Mbit/s`,
    '',
    ...table([['', 'median', 'least', 'most'], ...rows]),
    '',
    'claims held',
    ...claims,
    '',
  ].join('\n');
}

/** Of a run of several experiments: how many claims of each held, and those that did not. */
export function summarizeClaims(documents: readonly ResultDocument[]): string {
  const named = (document: ResultDocument): string => {
    const combination = combinationOf(document);
    return combination === '' ? document.experiment : `${document.experiment} (${combination})`;
  };
  const rows = documents.map((document) => {
    const held = document.claims.filter(({ pass }) => pass).length;
    return [named(document), `${held} of ${document.claims.length}`];
  });
  const failed = documents.flatMap((document) =>
    document.claims
      .filter(({ pass }) => !pass)
      .map((claim) => `  FAIL  ${named(document)}: ${claim.text}  (${sidesText(claim)})`),
  );
  return [
    ...table([['experiment', 'claims held'], ...rows]),
    '',
    ...(failed.length === 0 ? ['All claims hold.'] : failed),
    '',
  ].join('\n');
}

/** Both sides of a claim, or why there are none. */
export function sidesText({ left, right, unit, problem }: ResultDocument['claims'][number]): string {
  if (left === null || right === null) return problem ?? 'could not be computed';
  const [l, r] = [left, right].map((value) => formatQuantity({ value, unit }));
  return `${l} against ${r}`;
}

function claimLines({ claims, unchecked_claims }: ResultDocument): string[] {
  const lines = claims.map((claim) => {
    const { text, pass } = claim;
    return `  ${pass ? 'pass' : 'FAIL'}  ${text}  (${sidesText(claim)})`;
  });
  return ['claims', ...lines, ...unchecked_claims.map((text) => `  ----  ${text}  (an arm did not run)`)];
}

/** Columns of equal width; the first is flush left, numbers flush right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}

function sum(metrics: Readonly<Record<string, number>>, suffix: string): number {
  return Object.entries(metrics)
    .filter(([name]) => name.endsWith(suffix))
    .reduce((all, [, value]) => all + value, 0);
}

function mbit(rate: number | undefined): string {
  return rate === undefined ? '-' : (rate / 1e6).toFixed(2);
}
