/**
 * What iperf3 (3.12) says with `-J`. Its traps: it exits with 0 after an error, the reason stands in `error`; a client that sends
 * knows only what it handed to its socket, so goodput over time is in the report of the side that receives.
 */
import { z } from 'zod';
import { LabError } from '../error.js';

const Interval = z.object({
  sum: z.object({ start: z.number(), end: z.number(), bits_per_second: z.number(), omitted: z.boolean() }),
});

const Sum = z.object({
  seconds: z.number(),
  bytes: z.number(),
  bits_per_second: z.number(),
  retransmits: z.number().optional(),
  jitter_ms: z.number().optional(),
  lost_packets: z.number().optional(),
  packets: z.number().optional(),
});

const Report = z.object({
  error: z.string().optional(),
  start: z.object({
    version: z.string(),
    connected: z.array(z.object({ remote_host: z.string(), remote_port: z.number() })),
    test_start: z.object({ protocol: z.string(), reverse: z.number(), num_streams: z.number() }).optional(),
  }),
  intervals: z.array(Interval),
  end: z.object({
    sum_sent: Sum.optional(),
    sum_received: Sum.optional(),
    sender_tcp_congestion: z.string().optional(),
  }),
});

type Report = z.infer<typeof Report>;

export interface Iperf3Metrics {
  /** Payload bit/s that the receiver's application got, over the whole transfer. */
  readonly goodput_bps: number;
  readonly received_bytes: number;
  /** Seconds that the receiver counted. */
  readonly duration_s: number;
  /** TCP segments sent again, all streams. */
  readonly retransmissions?: number;
  /** UDP: share of the datagrams that did not arrive, 0 to 1. */
  readonly loss?: number;
  /** UDP: RFC 3550 jitter. */
  readonly jitter_s?: number;
}

export interface Iperf3Result {
  readonly metrics: Iperf3Metrics;
  /** The receiver's goodput: [middle of the interval in seconds since the start, bit/s]. */
  readonly goodput: readonly (readonly [number, number])[];
  /** "iperf 3.12" */
  readonly version: string;
  /** Congestion control that the sender really used; undefined for UDP. */
  readonly congestion?: string;
}

/** iperf3 did not do what it was asked to; `reason` is its own text. */
export class Iperf3Error extends LabError {
  override readonly name = 'Iperf3Error';

  constructor(
    readonly node: string,
    readonly command: readonly string[],
    readonly reason: string,
    readonly stderr: string,
    options?: ErrorOptions,
  ) {
    const said = stderr.trim() === '' ? '' : `\n  ${stderr.trim()}`;
    super('E_LAB_IPERF3', `iperf3 on ${node}: ${reason}\n  ${command.join(' ')}${said}`, options);
  }
}

/** The text of `error` in a report, or what is wrong with the report; null when the test went through. */
export function failureOf(stdout: string): string | null {
  const report = read(stdout);
  if (typeof report === 'string') return report;
  if (report.error !== undefined) return report.error;
  return report.end.sum_received === undefined ? 'the report has no result' : null;
}

/** Metrics from the reports of both sides. Throws TypeError unless `failureOf` found both sound. */
export function resultOf(clientStdout: string, serverStdout: string): Iperf3Result {
  const client = read(clientStdout);
  const server = read(serverStdout);
  if (typeof client === 'string') throw new TypeError(client);
  if (typeof server === 'string') throw new TypeError(server);
  const { sum_sent: sent, sum_received: received } = client.end;
  if (sent === undefined || received === undefined) throw new TypeError('the report has no result');

  const receiver = client.start.test_start?.reverse === 1 ? client : server;
  const udp = client.start.test_start?.protocol === 'UDP';
  const congestion = client.end.sender_tcp_congestion;
  return {
    metrics: {
      goodput_bps: received.bits_per_second,
      received_bytes: received.bytes,
      duration_s: received.seconds,
      ...(sent.retransmits === undefined ? {} : { retransmissions: sent.retransmits }),
      ...(udp ? { loss: lossOf(received), jitter_s: (received.jitter_ms ?? 0) / 1e3 } : {}),
    },
    goodput: goodputOver(receiver),
    version: client.start.version,
    ...(congestion === undefined ? {} : { congestion }),
  };
}

function lossOf({ lost_packets = 0, packets = 0 }: z.infer<typeof Sum>): number {
  return packets === 0 ? 1 : lost_packets / packets;
}

/** The last interval of the receiver is what trickles in after the end: too short to be a rate. */
function goodputOver(receiver: Report): [number, number][] {
  const sums = receiver.intervals.map((interval) => interval.sum).filter((sum) => !sum.omitted);
  const longest = Math.max(0, ...sums.map((sum) => sum.end - sum.start));
  return sums
    .filter((sum) => sum.end - sum.start > longest / 2)
    .map((sum) => [(sum.start + sum.end) / 2, sum.bits_per_second]);
}

function read(stdout: string): Report | string {
  let json: unknown;
  try {
    json = JSON.parse(stdout);
  } catch {
    return stdout.trim() === '' ? 'it wrote no report' : `its report is no JSON: ${stdout.trim().slice(0, 200)}`;
  }
  const parsed = Report.safeParse(json);
  if (parsed.success) return parsed.data;
  return `its report is not that of iperf3 3.x: ${z.prettifyError(parsed.error)}`;
}
