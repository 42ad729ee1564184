/** Order statistics of samples. Pure. */

/** The smallest sample that at least a share `p` (0 to 1) of all are not above (nearest rank); undefined without samples. */
export function quantile(sorted: readonly number[], p: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)];
}

/** The middle one, or the mean of both middle ones; NaN without samples. */
export function median(samples: readonly number[]): number {
  const sorted = ascending(samples);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function ascending(samples: readonly number[]): number[] {
  return [...samples].sort((a, b) => a - b);
}

/** "<name>_min_s", "_median_s", "_p99_s" and "_max_s" of durations in seconds; nothing without samples. */
export function durationMetrics(name: string, seconds: readonly number[]): Record<string, number> {
  const sorted = ascending(seconds);
  if (sorted.length === 0) return {};
  return {
    [`${name}_min_s`]: sorted[0]!,
    [`${name}_median_s`]: median(sorted),
    [`${name}_p99_s`]: quantile(sorted, 0.99)!,
    [`${name}_max_s`]: sorted.at(-1)!,
  };
}

export function durationMetricNames(name: string): string[] {
  return ['min', 'median', 'p99', 'max'].map((which) => `${name}_${which}_s`);
}
