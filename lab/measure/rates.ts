/** From readings of a byte counter to rates: pure. */

/** A counter at a time: seconds, bytes so far. Readings are in order of time. */
export interface Reading {
  readonly time: number;
  readonly bytes: number;
}

/** [seconds, bit/s] */
export type RatePoint = [number, number];

/**
 * Rates in bins of equal width from `start` to `end` (seconds); each point stands in the middle of its bin. Between two readings the
 * counter is taken to grow evenly, so bins need not meet readings. Bins that the readings do not cover whole are left out.
 */
export function binRates(readings: readonly Reading[], start: number, end: number, binSeconds: number): RatePoint[] {
  if (readings.length < 2) return [];
  const points: RatePoint[] = [];
  const bins = Math.floor((end - start) / binSeconds + 1e-9);
  for (let i = 0; i < bins; i++) {
    const from = start + i * binSeconds;
    const rate = meanRate(readings, from, from + binSeconds);
    if (rate !== null) points.push([from + binSeconds / 2 - start, rate]);
  }
  return points;
}

/** Mean bit/s between two times; null when the readings do not cover them. */
export function meanRate(readings: readonly Reading[], from: number, to: number): number | null {
  const a = bytesAt(readings, from);
  const b = bytesAt(readings, to);
  return a === null || b === null ? null : ((b - a) * 8) / (to - from);
}

/** Sum of series over the same bins. */
export function sumRates(series: readonly (readonly RatePoint[])[]): RatePoint[] {
  const [first, ...others] = series;
  if (first === undefined) return [];
  const length = Math.min(...series.map((points) => points.length));
  return first
    .slice(0, length)
    .map(([time, rate], i) => [time, others.reduce((sum, points) => sum + points[i]![1], rate)]);
}

function bytesAt(readings: readonly Reading[], time: number): number | null {
  const first = readings[0];
  const last = readings.at(-1);
  if (first === undefined || last === undefined || time < first.time || time > last.time) return null;
  let low = 0;
  let high = readings.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (readings[middle]!.time <= time) low = middle;
    else high = middle;
  }
  const a = readings[low]!;
  const b = readings[high]!;
  if (b.time === a.time) return a.bytes;
  return a.bytes + ((b.bytes - a.bytes) * (time - a.time)) / (b.time - a.time);
}
