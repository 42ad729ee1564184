/** Throughput of paths over the time of a workload: series to plot and figures to claim about. Pure. */
import type { SeriesRecord } from '../results/document.js';
import type { ReceivingLink } from './links.js';
import { binRates, meanRate, type Reading, sumRates } from './rates.js';

/** Seconds on the clock of the readings. */
export interface Window {
  readonly start: number;
  readonly end: number;
  /** Start of the part that counts for means: transfers and schedulers have found their rates by then. */
  readonly settled: number;
  /** Width of the bins of series; default 0.5. */
  readonly bin?: number;
}

export interface Throughput {
  /** "<link>.rate" and "total.rate". */
  readonly series: SeriesRecord[];
  /** Of each link "rate_bps" (mean once settled), "slowest_rate_bps" (its slowest second then) and "capacity_bps"; "total.rate_bps". */
  readonly metrics: Record<string, number>;
}

const BIN_SECONDS = 0.5;
const STEADY_BIN_SECONDS = 1;

/** Rates are those on the wire at the receiver, so a link's rate compares with its capacity. */
export function throughputOf(
  links: readonly ReceivingLink[],
  readingsOf: (link: string) => readonly Reading[],
  { start, end, settled, bin = BIN_SECONDS }: Window,
): Throughput {
  const metrics: Record<string, number> = {};
  const series: SeriesRecord[] = [];
  let total = 0;
  for (const { name, rateBps } of links) {
    const readings = readingsOf(name);
    series.push({ name: `${name}.rate`, unit: 'bit/s', points: binRates(readings, start, end, bin) });
    const mean = meanRate(readings, settled, end) ?? 0;
    const seconds = binRates(readings, settled, end, STEADY_BIN_SECONDS).map(([, rate]) => rate);
    metrics[`${name}.rate_bps`] = mean;
    if (seconds.length > 0) metrics[`${name}.slowest_rate_bps`] = Math.min(...seconds);
    if (rateBps !== null) metrics[`${name}.capacity_bps`] = rateBps;
    total += mean;
  }
  metrics['total.rate_bps'] = total;
  series.push({ name: 'total.rate', unit: 'bit/s', points: sumRates(series.map(({ points }) => points)) });
  return { series, metrics };
}
