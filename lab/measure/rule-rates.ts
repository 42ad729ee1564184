/** What the sender's mpipd sent under each of its rules. Pure. */
import type { DaemonStatus } from '../../src/daemon/api.js';
import type { SeriesRecord } from '../results/document.js';
import { binRates, meanRate, type Reading } from './rates.js';

const BIN_SECONDS = 1;

/** Rules whose names can stand in a claim. */
const WORD = /^[\w-]+$/;

/** `<workload>.rule.<rule>.rate_bps`: on all paths, copies among it, with outer headers. */
export function ruleMetric(workload: string, rule: string): string {
  return `${workload}.rule.${rule}.rate_bps`;
}

/** Names of the rules in mpipd's settings that have a metric. */
export function rulesWithMetric(settings: Readonly<Record<string, unknown>>): string[] {
  const rules: unknown[] = Array.isArray(settings.rules) ? settings.rules : [];
  return rules.flatMap((rule) => {
    const { name } = rule as { name?: unknown };
    return typeof name === 'string' && WORD.test(name) ? [name] : [];
  });
}

/**
 * Of rules that were there at the end, but for the one that stands for what none matches. Means count from `settled` on.
 * @param statuses of the sender, with seconds from the start; `settled` and `end` as these
 */
export function ruleRatesOf(
  workload: string,
  statuses: readonly (readonly [number, DaemonStatus])[],
  settled: number,
  end: number,
): { series: SeriesRecord[]; metrics: Record<string, number> } {
  const series: SeriesRecord[] = [];
  const metrics: Record<string, number> = {};
  const last = statuses.at(-1);
  for (const { name } of last?.[1].rules.slice(0, -1) ?? []) {
    if (!WORD.test(name)) continue;
    const readings = statuses.flatMap(([time, { rules }]): Reading[] => {
      const found = rules.find((rule) => rule.name === name);
      return found === undefined ? [] : [{ time, bytes: found.bytes }];
    });
    series.push({
      name: `${workload}.rule.${name}.rate`,
      unit: 'bit/s',
      points: binRates(readings, 0, end, BIN_SECONDS),
    });
    const mean = meanRate(readings, settled, Math.min(end, last![0]));
    if (mean !== null) metrics[ruleMetric(workload, name)] = mean;
  }
  return { series, metrics };
}
