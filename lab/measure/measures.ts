/** Figures that claims are about, worked out of the series of an arm. Pure. */

import { ascending } from '../results/distribution.js';
import type { SeriesRecord } from '../results/document.js';
import type { Unit } from '../results/quantity.js';

/** The longest time in which a series stays at or below a value. */
export interface PauseMeasure {
  readonly kind: 'pause';
  readonly name: string;
  readonly series: string;
  /** In the series' unit. */
  readonly below: number;
}

/** How long after a moment a series first reaches a value; not measured when it never does. */
export interface TimeUntilMeasure {
  readonly kind: 'time-until';
  readonly name: string;
  readonly series: string;
  /** In the series' unit. */
  readonly least: number;
  /** Seconds from the start of the arm. */
  readonly after: number;
}

/** How the values of a series are spread, once settled. */
export interface DistributionMeasure {
  readonly kind: 'distribution';
  readonly name: string;
  readonly series: string;
  readonly unit: Unit;
}

/** The mean of a series between two moments. */
export interface MeanMeasure {
  readonly kind: 'mean';
  readonly name: string;
  readonly series: string;
  readonly unit: Unit;
  /** Seconds from the start of the arm; null = once settled. */
  readonly from: number | null;
  /** null = to the end. */
  readonly to: number | null;
}

export type Measure = PauseMeasure | TimeUntilMeasure | DistributionMeasure | MeanMeasure;

/** The measure when all times of its arm are so many times as long. */
export function stretched(measure: Measure, factor: number): Measure {
  const scaled = (t: number | null): number | null => t && t * factor;
  switch (measure.kind) {
    case 'time-until':
      return { ...measure, after: measure.after * factor };
    case 'mean':
      return { ...measure, from: scaled(measure.from), to: scaled(measure.to) };
    default:
      return measure;
  }
}

/** Seconds: what computing in binary puts times apart. */
const SLACK = 1e-9;

/** Metrics of a distribution, without their unit. */
const DISTRIBUTION = ['least', 'q1', 'median', 'q3', 'most', 'iqr'] as const;

/** Suffix of a metric's name in the unit of a series. */
const SUFFIX: Readonly<Record<Unit, string>> = { 'bit/s': '_bps', s: '_s', bytes: '_bytes', '': '' };

/** What a measure can give, by name. */
export function metricsOf(measure: Measure): string[] {
  switch (measure.kind) {
    case 'distribution':
      return DISTRIBUTION.map((which) => `${measure.name}.${which}${SUFFIX[measure.unit]}`);
    case 'mean':
      return [`${measure.name}${SUFFIX[measure.unit]}`];
    default:
      return [`${measure.name}_s`];
  }
}

/** Metrics by name. `settled`: seconds from the start of the arm until values count in distributions. */
export function measured(
  measures: readonly Measure[],
  series: readonly SeriesRecord[],
  settled: number,
): Record<string, number> {
  const metrics: Record<string, number> = {};
  for (const measure of measures) {
    const found = series.find(({ name }) => name === measure.series);
    if (found === undefined || found.points.length < 2) continue;
    Object.assign(metrics, measureOf(measure, found, settled));
  }
  return metrics;
}

function measureOf(measure: Measure, { points }: SeriesRecord, settled: number): Record<string, number> {
  const bin = binOf(points);
  switch (measure.kind) {
    case 'pause':
      return { [`${measure.name}_s`]: longestRun(points.map(([, value]) => value <= measure.below)) * bin };
    case 'time-until': {
      const { after, least, name } = measure;
      const reached = points.find(([middle, value]) => middle - bin / 2 >= after && value >= least);
      return reached === undefined ? {} : { [`${name}_s`]: reached[0] + bin / 2 - after };
    }
    case 'distribution': {
      const values = ascending(points.filter(([t]) => t >= settled).map(([, value]) => value));
      if (values.length === 0) return {};
      const [least, q1, middle, q3, most] = [0, 0.25, 0.5, 0.75, 1].map((p) => quantile(values, p)) as [
        number,
        number,
        number,
        number,
        number,
      ];
      const all = { least, q1, median: middle, q3, most, iqr: q3 - q1 };
      return Object.fromEntries(
        DISTRIBUTION.map((which) => [`${measure.name}.${which}${SUFFIX[measure.unit]}`, all[which]]),
      );
    }
    case 'mean': {
      const { from, to, name, unit } = measure;
      const [begin, end] = [from ?? settled, to ?? Number.POSITIVE_INFINITY];
      const inside = points.filter(([middle]) => middle - bin / 2 >= begin - SLACK && middle + bin / 2 <= end + SLACK);
      if (inside.length === 0) return {};
      return { [`${name}${SUFFIX[unit]}`]: inside.reduce((sum, [, value]) => sum + value, 0) / inside.length };
    }
  }
}

/** Seconds between points, which are all alike but for those that are missing. */
function binOf(points: SeriesRecord['points']): number {
  const steps = points.slice(1).map(([t], i) => t - points[i]![0]);
  return ascending(steps)[steps.length >> 1]!;
}

function longestRun(flags: readonly boolean[]): number {
  let longest = 0;
  let run = 0;
  for (const flag of flags) {
    run = flag ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}

/** Between samples, in proportion (type 7 of Hyndman and Fan 1996), as box plots have it. */
function quantile(sorted: readonly number[], p: number): number {
  const at = p * (sorted.length - 1);
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at));
}
