/** What both sides of a UDP echo report, and the metrics of it. Pure. All times are of one clock, that of the machine. */
import { z } from 'zod';
import { durationMetricNames, durationMetrics, median } from '../../results/distribution.js';
import type { WorkloadOutcome } from '../workload.js';

/** Datagrams in the order that they came in. */
export const Arrivals = z.object({ sequences: z.array(z.number()), timesUs: z.array(z.number()) });

export const ClientReport = z.object({
  /** When each datagram was sent, by its number. */
  sentUs: z.array(z.number()),
  echoes: Arrivals,
});

export type Arrivals = z.infer<typeof Arrivals>;
export type ClientReport = z.infer<typeof ClientReport>;

export const UDP_ECHO_METRICS: readonly string[] = [
  'sent',
  'echoed',
  'loss',
  'forward_loss',
  ...durationMetricNames('rtt'),
  ...durationMetricNames('forward_delay'),
  'reordered',
  'duplicates',
  'forward_gap_s',
  'backward_gap_s',
];

/** Width of the bins of goodput and of the points of round-trip time. */
const GOODPUT_BIN_SECONDS = 0.5;
const RTT_BIN_SECONDS = 0.1;

/** `bytes`: of a datagram's payload. */
export function udpEchoOutcome(bytes: number, { sentUs, echoes }: ClientReport, server: Arrivals): WorkloadOutcome {
  const forward = firstTimes(server);
  const back = firstTimes(echoes);
  const sent = sentUs.length;
  const lossOf = (arrived: ReadonlyMap<number, number>): number => (sent === 0 ? 1 : 1 - arrived.size / sent);
  const start = sentUs[0] ?? 0;
  const end = sentUs.at(-1) ?? 0;
  const since = (arrived: ReadonlyMap<number, number>): [number, number][] =>
    [...arrived].map(([sequence, time]) => [sequence, (time - sentUs[sequence]!) / 1e6]);
  const rtts = since(back);
  return {
    metrics: {
      sent,
      echoed: back.size,
      loss: lossOf(back),
      forward_loss: lossOf(forward),
      ...durationMetrics(
        'rtt',
        rtts.map(([, rtt]) => rtt),
      ),
      ...durationMetrics(
        'forward_delay',
        since(forward).map(([, delay]) => delay),
      ),
      reordered: reordered([...forward.keys()]),
      duplicates: server.sequences.length - forward.size,
      forward_gap_s: longestGap([...forward.values()], start, end) / 1e6,
      backward_gap_s: longestGap([...back.values()], start, end) / 1e6,
    },
    series: [
      {
        name: 'goodput',
        unit: 'bit/s',
        points: binned(
          [...forward.values()].map((time): [number, number] => [(time - start) / 1e6, bytes * 8]),
          GOODPUT_BIN_SECONDS,
        ).map(([t, values]) => [t, values.reduce((sum, bits) => sum + bits, 0) / GOODPUT_BIN_SECONDS]),
      },
      {
        name: 'rtt',
        unit: 's',
        points: binned(
          rtts.map(([sequence, rtt]) => [(sentUs[sequence]! - start) / 1e6, rtt]),
          RTT_BIN_SECONDS,
        )
          .filter(([, values]) => values.length > 0)
          .map(([t, values]) => [t, median(values)]),
      },
    ],
  };
}

/** When each datagram came first, by its number, in order of arrival. */
function firstTimes({ sequences, timesUs }: Arrivals): Map<number, number> {
  const times = new Map<number, number>();
  sequences.forEach((sequence, index) => {
    if (!times.has(sequence)) times.set(sequence, timesUs[index]!);
  });
  return times;
}

/** Share of datagrams that came after one with a higher number (RFC 4737, section 3). */
function reordered(sequences: readonly number[]): number {
  let highest = -1;
  let late = 0;
  for (const sequence of sequences) {
    if (sequence < highest) late++;
    else highest = sequence;
  }
  return sequences.length === 0 ? 0 : late / sequences.length;
}

/** Longest time without an arrival between the first and the last sending: an outage that never ends counts too. */
function longestGap(times: readonly number[], start: number, end: number): number {
  const moments = [start, ...times.filter((time) => time > start && time < end), end];
  return Math.max(0, ...moments.slice(1).map((time, index) => time - moments[index]!));
}

/** Values by bins of time, each with the middle of its bin; from 0 to the last bin that is whole. */
function binned(points: readonly (readonly [number, number])[], width: number): [number, number[]][] {
  const bins: number[][] = [];
  for (const [t, value] of points) {
    const index = Math.floor(t / width + 1e-9);
    if (index < 0) continue;
    while (bins.length <= index) bins.push([]);
    bins[index]!.push(value);
  }
  return bins.map((values, index) => [(index + 0.5) * width, values]);
}
