/** What the HTTP client reports, and the metrics of it. Pure. */
import { z } from 'zod';
import { LabError } from '../../error.js';
import { durationMetricNames, durationMetrics } from '../../results/distribution.js';
import type { WorkloadOutcome } from '../workload.js';

/** Width of the bins of goodput. */
export const BIN_MS = 500;

const Request = z.object({
  /** Seconds since the first request. */
  start: z.number(),
  firstByte: z.number().nullable(),
  end: z.number(),
  bytes: z.number(),
  /** All bytes, with the SHA-256 that they must have. */
  intact: z.boolean(),
  /** Why it is not whole; null when it is. */
  error: z.string().nullable(),
});

export const HttpReport = z.object({
  requests: z.array(Request),
  /** Bytes of body that all requests got in each bin. */
  received: z.array(z.number()),
});

export type HttpRequest = z.infer<typeof Request>;
export type HttpReport = z.infer<typeof HttpReport>;

export const HTTP_METRICS: readonly string[] = [
  'duration_s',
  'goodput_bps',
  'received_bytes',
  'completed',
  'failed',
  ...durationMetricNames('request'),
  'first_byte_median_s',
];

/** Throws LabError (E_LAB_CORRUPT) when a whole file has not the hash that it must have. */
export function httpOutcome(name: string, { requests, received }: HttpReport): WorkloadOutcome {
  const whole = requests.filter(({ error }) => error === null);
  const corrupt = whole.filter(({ intact }) => !intact).length;
  if (corrupt > 0) {
    throw new LabError(
      'E_LAB_CORRUPT',
      `workload ${name}: ${corrupt} of ${whole.length} files came with other bytes than were sent`,
    );
  }
  const end = Math.max(0, ...requests.map((request) => request.end));
  const bytes = requests.reduce((sum, request) => sum + request.bytes, 0);
  const firstBytes = whole.flatMap(({ start, firstByte }) => (firstByte === null ? [] : [firstByte - start]));
  const { first_byte_median_s } = durationMetrics('first_byte', firstBytes);
  const bins = received.slice(0, Math.floor((end * 1000) / BIN_MS));
  return {
    metrics: {
      duration_s: end,
      goodput_bps: end === 0 ? 0 : (bytes * 8) / end,
      received_bytes: bytes,
      completed: whole.length,
      failed: requests.length - whole.length,
      ...durationMetrics(
        'request',
        whole.map((request) => request.end - request.start),
      ),
      ...(first_byte_median_s === undefined ? {} : { first_byte_median_s }),
    },
    series: [
      {
        name: 'goodput',
        unit: 'bit/s',
        points: bins.map((count, i) => [((i + 0.5) * BIN_MS) / 1000, (count * 8 * 1000) / BIN_MS]),
      },
      {
        name: 'request',
        unit: 's',
        points: [...whole]
          .sort((a, b) => a.end - b.end)
          .map((request): [number, number] => [request.end, request.end - request.start]),
      },
    ],
  };
}
