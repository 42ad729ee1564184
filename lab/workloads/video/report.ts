/** What a player reports, and the metrics of it. Pure. Times are milliseconds of one clock, that of the machine. */
import { z } from 'zod';
import { median } from '../../results/distribution.js';
import type { WorkloadOutcome } from '../workload.js';
import { type Level, nameOf } from './ladder.js';

/** What the player is told (client.ts, page/player.js). */
export interface PlayerSetup {
  readonly caption: string;
  /** URL of the manifest. */
  readonly manifest: string;
  /** Seconds of video that it keeps ahead. */
  readonly buffer: number;
  /** bit/s of the level that it starts with; null = the lowest. */
  readonly startRate: number | null;
  readonly seek: Seek | null;
  readonly sampleMs: number;
}

/** Seconds: of playing, and of the video. */
export interface Seek {
  readonly at: number;
  readonly to: number;
}

const Sample = z.object({
  time: z.number(),
  /** Seconds of video ahead of the picture that is shown. */
  buffer: z.number(),
  /** Of the level whose segments are being loaded; 0 before any is. */
  loading: z.number(),
  /** Pictures that were decoded too late, since the start. */
  dropped: z.number(),
});

/** When a picture was shown, where in the video it is (seconds), its height, and how many were shown so far. */
const Frame = z.tuple([z.number(), z.number(), z.number(), z.number()]);

export const PlayerReport = z.object({
  beganAt: z.number(),
  /** When it was told to go elsewhere; null = never. */
  soughtAt: z.number().nullable(),
  samples: z.array(Sample),
  frames: z.array(Frame),
  /** When data came, and how many bytes. */
  received: z.array(z.tuple([z.number(), z.number()])),
  /** What the player could not get. */
  errors: z.array(z.string()),
  versions: z.object({ chromium: z.string(), dashjs: z.string() }),
  /** PNG, base64. */
  screenshot: z.string(),
});

export type PlayerReport = z.infer<typeof PlayerReport>;

export interface PlaySpan {
  /** Seconds. */
  readonly duration: number;
  /** Seconds until means count. */
  readonly settle: number;
}

const METRICS = [
  'startup_s',
  'height_median',
  'height_last',
  'switches',
  'fps',
  'dropped',
  'rate_bps',
  'buffer_median_s',
  'buffer_last_s',
  'rebuffered_s',
  'stalls',
  'errors',
];
const SEEK_METRICS = ['after_seek_s', 'recovery_s'];

/** Series that measures can be about. */
export const PLAYER_SERIES = { rate: 'bit/s', buffer: 's', fps: '', height: '', loading: '' } as const;

/** Longer than this without a new picture is a stall; the screen of a busy machine may leave out some. */
const STALL_SECONDS = 0.5;
const BIN_SECONDS = 1;

export function playerMetrics({ levels, seek }: { levels: readonly Level[]; seek: Seek | null }): string[] {
  return [...METRICS, ...levels.map((level) => `share_${nameOf(level)}`), ...(seek === null ? [] : SEEK_METRICS)];
}

interface Shown {
  /** Seconds since the start. */
  readonly t: number;
  readonly position: number;
  readonly height: number;
  readonly count: number;
}

export function playerOutcome(
  report: PlayerReport,
  { duration, settle }: PlaySpan,
  levels: readonly Level[],
  seek: Seek | null,
): Pick<WorkloadOutcome, 'metrics' | 'series'> {
  const seconds = (time: number): number => (time - report.beganAt) / 1000;
  const frames = report.frames
    .map(([time, position, height, count]): Shown => ({ t: seconds(time), position, height, count }))
    .filter(({ t }) => t <= duration);
  const samples = report.samples
    .map((sample) => ({ ...sample, t: seconds(sample.time) }))
    .filter(({ t }) => t <= duration);
  const settled = samples.filter(({ t }) => t >= settle);
  const heights = settled.map(({ t }) => shownAt(frames, t));
  const sought = report.soughtAt === null ? null : seconds(report.soughtAt);
  const there =
    sought === null || seek === null ? null : frames.find(({ t, position }) => t > sought && position >= seek.to);
  const stalls = stallsOf(frames, duration, sought, there?.t ?? duration);
  const received = binned(
    report.received.map(([time, bytes]) => [seconds(time), bytes * 8]),
    duration,
  );
  const shown = binned(countsOf(frames), duration);
  const late = samples.at(-1)?.dropped ?? 0;
  return {
    metrics: {
      startup_s: frames[0]?.t ?? duration,
      height_median: heights.length === 0 ? 0 : median(heights),
      height_last: frames.at(-1)?.height ?? 0,
      switches: frames.filter(({ height }, i) => i > 0 && height !== frames[i - 1]!.height).length,
      fps: sumSince(countsOf(frames), settle) / (duration - settle),
      dropped: late / Math.max(1, late + (frames.at(-1)?.count ?? 0)),
      rate_bps:
        sumSince(
          report.received.map(([time, bytes]) => [seconds(time), bytes * 8]),
          settle,
          duration,
        ) /
        (duration - settle),
      buffer_median_s: settled.length === 0 ? 0 : median(settled.map(({ buffer }) => buffer)),
      buffer_last_s: samples.at(-1)?.buffer ?? 0,
      rebuffered_s: stalls.reduce((sum, stall) => sum + stall, 0),
      stalls: stalls.length,
      errors: report.errors.length,
      ...Object.fromEntries(
        levels.map((level) => [
          `share_${nameOf(level)}`,
          heights.filter((height) => height === level.height).length / Math.max(1, heights.length),
        ]),
      ),
      ...(sought === null || there === null ? {} : afterSeek(frames, sought, there, duration)),
    },
    series: [
      { name: 'rate', unit: PLAYER_SERIES.rate, points: received },
      { name: 'buffer', unit: PLAYER_SERIES.buffer, points: samples.map(({ t, buffer }) => [t, buffer]) },
      { name: 'fps', unit: PLAYER_SERIES.fps, points: shown },
      { name: 'height', unit: PLAYER_SERIES.height, points: samples.map(({ t }) => [t, shownAt(frames, t)]) },
      { name: 'loading', unit: PLAYER_SERIES.loading, points: samples.map(({ t, loading }) => [t, loading]) },
    ],
  };
}

/** Of the picture on the screen; 0 before the first. */
function shownAt(frames: readonly Shown[], t: number): number {
  return frames.findLast((frame) => frame.t <= t)?.height ?? 0;
}

/** `there`: the first picture of where it went; undefined = none came. It has recovered when no lower picture follows. */
function afterSeek(
  frames: readonly Shown[],
  sought: number,
  there: Shown | undefined,
  duration: number,
): Record<string, number> {
  const before = shownAt(frames, sought);
  const after = there === undefined ? [] : frames.slice(frames.indexOf(there));
  const recovered = after[after.findLastIndex(({ height }) => height < before) + 1];
  return { after_seek_s: (there?.t ?? duration) - sought, recovery_s: (recovered?.t ?? duration) - sought };
}

/** Lengths of the times without a new picture since the first, but for the one in which it goes elsewhere. The last may last to the end. */
function stallsOf(frames: readonly Shown[], duration: number, sought: number | null, there: number): number[] {
  if (frames.length === 0) return [];
  const moments = [...frames.map(({ t }) => t), duration];
  return moments.slice(1).flatMap((t, i) => {
    const since = moments[i]!;
    const seeking = sought !== null && t > sought && since < there;
    return seeking || t - since <= STALL_SECONDS ? [] : [t - since];
  });
}

/** How many pictures were shown since the one before: the page is not told of each. */
function countsOf(frames: readonly Shown[]): [number, number][] {
  return frames.map(({ t, count }, i) => [t, i === 0 ? 1 : count - frames[i - 1]!.count]);
}

function sumSince(
  amounts: readonly (readonly [number, number])[],
  from: number,
  to = Number.POSITIVE_INFINITY,
): number {
  return amounts.filter(([t]) => t >= from && t <= to).reduce((sum, [, amount]) => sum + amount, 0);
}

/** Amounts a second, in bins. */
function binned(amounts: readonly (readonly [number, number])[], duration: number): [number, number][] {
  const sums = new Array<number>(Math.floor(duration / BIN_SECONDS)).fill(0);
  for (const [t, amount] of amounts) {
    const bin = Math.floor(t / BIN_SECONDS);
    if (bin >= 0 && bin < sums.length) sums[bin]! += amount;
  }
  return sums.map((sum, bin) => [(bin + 0.5) * BIN_SECONDS, sum / BIN_SECONDS]);
}
