/** What ping (iputils) prints, and the metrics of it. Pure. */
import { durationMetricNames, durationMetrics } from '../../results/distribution.js';
import type { WorkloadOutcome } from '../workload.js';

export const PING_METRICS: readonly string[] = [
  'sent',
  'received',
  'loss',
  'duplicates',
  ...durationMetricNames('rtt'),
];

const REPLY = /icmp_seq=(\d+) .*time=([\d.]+) ms(.*)$/;
const TOTAL = /^(\d+) packets transmitted/m;

/** `intervalSeconds`: between requests; numbers start from 1. Throws TypeError when it is no output of ping. */
export function pingOutcome(stdout: string, intervalSeconds: number): WorkloadOutcome {
  const sent = Number(TOTAL.exec(stdout)?.[1] ?? Number.NaN);
  if (Number.isNaN(sent)) throw new TypeError(`no output of ping: ${stdout.slice(0, 200)}`);
  const points: [number, number][] = [];
  const seen = new Set<number>();
  let duplicates = 0;
  for (const line of stdout.split('\n')) {
    const [, number, ms, rest = ''] = REPLY.exec(line) ?? [];
    if (number === undefined) continue;
    const sequence = Number(number);
    if (rest.includes('DUP!') || seen.has(sequence)) duplicates++;
    else points.push([(sequence - 1) * intervalSeconds, Number(ms) / 1000]);
    seen.add(sequence);
  }
  points.sort((a, b) => a[0] - b[0]);
  return {
    metrics: {
      sent,
      received: points.length,
      loss: sent === 0 ? 1 : 1 - points.length / sent,
      duplicates,
      ...durationMetrics(
        'rtt',
        points.map(([, rtt]) => rtt),
      ),
    },
    series: [{ name: 'rtt', unit: 's', points }],
  };
}
