/** Metrics of all arms side by side, as text. */
import { ascending } from './distribution.js';
import type { ResultDocument } from './document.js';
import { formatQuantity, unitOfMetric } from './quantity.js';

type Arms = ResultDocument['arms'];

export interface MetricsTable {
  /** Of the columns after the first. */
  readonly arms: readonly string[];
  /** A name and a value of each arm; "" where an arm lacks the metric. The last row has the limits. */
  readonly rows: readonly (readonly [name: string, ...values: string[]])[];
}

/** Median, and in brackets the least and the most where there are several repetitions. `names`: of the metrics, in order. */
export function metricsTable(arms: Arms, names: readonly string[] = metricNames(arms)): MetricsTable {
  return {
    arms: Object.values(arms).map(({ label, repetitions }) =>
      repetitions === undefined ? label : `${label}, median of ${repetitions.length}`,
    ),
    rows: [
      ...names.map((name): [string, ...string[]] => [
        withoutUnit(name),
        ...Object.values(arms).map((arm) => textOf(arm, name)),
      ]),
      ['limit', ...Object.values(arms).map(({ limit_bps }) => quantityText('limit_bps', limit_bps ?? undefined))],
    ],
  };
}

/** Of all arms, each once. */
export function metricNames(arms: Arms): string[] {
  return [...new Set(Object.values(arms).flatMap(({ metrics }) => Object.keys(metrics)))];
}

/** "55.76 Mbit/s"; "" for what is not there. */
export function quantityText(metric: string, value: number | undefined): string {
  return value === undefined ? '' : formatQuantity({ value, unit: unitOfMetric(metric) });
}

/** "download.goodput" of "download.goodput_bps". */
export function withoutUnit(metric: string): string {
  return metric.replace(/_(bps|s|bytes)$/, '');
}

function textOf(arm: Arms[string], name: string): string {
  const text = quantityText(name, arm.metrics[name]);
  const values = ascending((arm.repetitions ?? []).flatMap((metrics) => metrics[name] ?? []));
  if (values.length < 2) return text;
  return `${text} (${quantityText(name, values[0])} to ${quantityText(name, values.at(-1))})`;
}
