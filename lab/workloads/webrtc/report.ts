/** What both sides of a call report, and the metrics of it. Pure. Times are milliseconds of one clock, that of the machine. */
import { z } from 'zod';
import { ascending, durationMetricNames, durationMetrics, median, quantile } from '../../results/distribution.js';
import type { SeriesRecord } from '../../results/document.js';
import type { WorkloadOutcome } from '../workload.js';

export interface VideoSetup {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** As in "video/VP8". */
  readonly codec: string;
  /** What gives way where the rate, or the processor, does not suffice (W3C mediacapture-extensions). */
  readonly degradation: Degradation;
  /** bit/s; null = the browser's own. */
  readonly bitrate: { readonly min: number | null; readonly start: number | null; readonly max: number | null };
}

export type Degradation = 'balanced' | 'maintain-resolution' | 'maintain-framerate';

/** What a side is told (peer.ts, page/call.js). */
export interface PeerSetup {
  readonly caption: string;
  readonly offers: boolean;
  readonly sends: boolean;
  readonly bundle: boolean;
  readonly audio: boolean;
  readonly video: VideoSetup;
  /** Video in place of the browser's test picture, an absolute path. */
  readonly file: string | null;
  readonly sampleMs: number;
}

/** Of getStats(): totals since the start. */
const Received = {
  bytesReceived: z.number(),
  headerBytesReceived: z.number(),
  /** Seconds, summed over all frames or samples that were taken out of the jitter buffer. */
  jitterBufferDelay: z.number(),
  jitterBufferEmittedCount: z.number(),
};

const Sample = z.object({
  time: z.number(),
  video: z
    .object({
      ...Received,
      frameWidth: z.number(),
      frameHeight: z.number(),
      framesDecoded: z.number(),
      framesDropped: z.number(),
      nackCount: z.number(),
    })
    .nullable(),
  audio: z
    .object({
      ...Received,
      concealedSamples: z.number(),
      silentConcealedSamples: z.number(),
      totalSamplesReceived: z.number(),
    })
    .nullable(),
  sent: z
    .object({
      bytesSent: z.number(),
      retransmittedBytesSent: z.number(),
      targetBitrate: z.number(),
      frameWidth: z.number(),
      frameHeight: z.number(),
      framesPerSecond: z.number(),
    })
    .nullable(),
  /** Seconds. */
  rtt: z.number().nullable(),
  /** Addresses of the connection in use: "10.1.0.1 10.1.0.2", '' before there is one. */
  pair: z.string(),
});

/** RTP timestamp and time of packets of audio. */
const AudioTimes = z.array(z.tuple([z.number(), z.number()]));

export const PeerReport = z.object({
  beganAt: z.number(),
  samples: z.array(Sample),
  /** When frames of the other side's video were shown. */
  frames: z.array(z.number()),
  audioSent: AudioTimes,
  audioReceived: AudioTimes,
  version: z.string(),
  /** PNG, base64. */
  screenshot: z.string(),
});

export type PeerReport = z.infer<typeof PeerReport>;
type Sample = z.infer<typeof Sample>;

export interface CallSpan {
  /** Seconds of the call. */
  readonly duration: number;
  /** Seconds until means count. */
  readonly settle: number;
  /** When something was done to the lab, seconds from the start. */
  readonly events: readonly number[];
}

/** In each direction. */
const VIDEO_METRICS = [
  'video_rate_bps',
  'fps',
  'width',
  'height',
  'first_frame_s',
  ...durationMetricNames('frame_gap'),
  'event_gap_s',
  'frozen_s',
  'video_buffer_s',
  'nacks',
  'rtt_s',
  'connections',
];
const AUDIO_METRICS = [
  'audio_rate_bps',
  ...durationMetricNames('audio_delay'),
  'audio_delay_p95_s',
  'audio_buffer_s',
  'audio_latency_s',
  'audio_lost',
  'audio_concealed',
];

/** Longer than this without a new picture counts as frozen: six frames at 30 a second. */
const FREEZE_SECONDS = 0.2;
/** What an event may cause shows by then. */
const EVENT_SECONDS = 5;
const BIN_SECONDS = 0.5;
const FPS_BIN_SECONDS = 1;
/** A jitter buffer holds packets back until about so many of them have come. */
const JITTER_BUFFER_SHARE = 0.95;
/** Packets that were sent less than this before the end may be under way. */
const UNDER_WAY_SECONDS = 1;

export function callMetrics({ audio, oneWay }: { audio: boolean; oneWay: boolean }): string[] {
  return (oneWay ? ['forward'] : ['forward', 'backward']).flatMap((direction) =>
    [...VIDEO_METRICS, ...(audio ? AUDIO_METRICS : [])].map((metric) => `${direction}.${metric}`),
  );
}

/** `from` calls `to`. Metrics of what was received: forward at `to`, backward at `from`. */
export function callOutcome(
  from: PeerReport,
  to: PeerReport,
  span: CallSpan,
  { audio, oneWay }: { audio: boolean; oneWay: boolean },
): Pick<WorkloadOutcome, 'metrics' | 'series'> {
  const directions = [
    { name: 'forward', sender: from, receiver: to },
    ...(oneWay ? [] : [{ name: 'backward', sender: to, receiver: from }]),
  ];
  const parts = directions.map(({ name, sender, receiver }) => {
    const video = videoOf(receiver, span);
    const sound = audio ? audioOf(sender, receiver, span) : { metrics: {}, series: [] };
    return {
      metrics: Object.entries({ ...video.metrics, ...sound.metrics }).map(
        ([metric, value]) => [`${name}.${metric}`, value] as const,
      ),
      series: [...video.series, ...sound.series].map((series) => ({ ...series, name: `${name}.${series.name}` })),
    };
  });
  return {
    metrics: Object.fromEntries(parts.flatMap(({ metrics }) => metrics)),
    series: parts.flatMap(({ series }) => series),
  };
}

interface Part {
  readonly metrics: Record<string, number>;
  readonly series: SeriesRecord[];
}

function videoOf(receiver: PeerReport, span: CallSpan): Part {
  const { duration, settle, events } = span;
  const seconds = (time: number): number => (time - receiver.beganAt) / 1000;
  const samples = receiver.samples.filter(({ time }) => seconds(time) <= duration);
  const frames = receiver.frames.map(seconds).filter((t) => t >= 0 && t <= duration);
  const gaps = gapsOf(frames, duration);
  const counted = gaps.filter(([end]) => end > settle).map(([, gap]) => gap);
  const bits = counterOf(samples, seconds, ({ video }) => video && video.bytesReceived * 8);
  const settled = samples.filter(({ time }) => seconds(time) >= settle);
  const last = samples.at(-1);
  const sizes = settled.flatMap(({ video }) => (video === null ? [] : [video]));
  const rtts = settled.flatMap(({ rtt }) => rtt ?? []);
  const pairs = samples.map(({ pair }) => pair).filter((pair) => pair !== '');
  return {
    metrics: {
      video_rate_bps: meanRate(bits, settle),
      fps: frames.filter((t) => t >= settle).length / (duration - settle),
      width: sizes.length === 0 ? 0 : median(sizes.map(({ frameWidth }) => frameWidth)),
      height: sizes.length === 0 ? 0 : median(sizes.map(({ frameHeight }) => frameHeight)),
      first_frame_s: frames[0] ?? duration,
      ...durationMetrics('frame_gap', counted),
      ...(events.length === 0 ? {} : { event_gap_s: gapAt(events, gaps) }),
      frozen_s: counted.filter((gap) => gap > FREEZE_SECONDS).reduce((sum, gap) => sum + gap, 0),
      video_buffer_s: bufferOf(settled.map(({ video }) => video)),
      nacks: last?.video?.nackCount ?? 0,
      ...(rtts.length === 0 ? {} : { rtt_s: median(rtts) }),
      connections: new Set(pairs).size,
    },
    series: [
      { name: 'video_rate', unit: 'bit/s', points: ratesOf(bits) },
      { name: 'fps', unit: '', points: perSecond(frames, duration) },
      { name: 'frame_gap', unit: 's', points: largest(gaps) },
      {
        name: 'height',
        unit: '',
        points: samples.flatMap(({ time, video }): [number, number][] =>
          video === null ? [] : [[seconds(time), video.frameHeight]],
        ),
      },
      { name: 'video_buffer', unit: 's', points: buffersOver(samples, seconds, ({ video }) => video) },
    ],
  };
}

/** One-way delay of a packet: from the sender's encoder to the receiver's jitter buffer, on the machine's own clock. */
function audioOf(sender: PeerReport, receiver: PeerReport, { duration, settle }: CallSpan): Part {
  const seconds = (time: number): number => (time - receiver.beganAt) / 1000;
  const samples = receiver.samples.filter(({ time }) => seconds(time) <= duration);
  const settled = samples.filter(({ time }) => seconds(time) >= settle).map(({ audio }) => audio);
  const bits = counterOf(samples, seconds, ({ audio }) => audio && audio.bytesReceived * 8);
  const arrivals = firstTimes(receiver.audioReceived);
  const packets = [...firstTimes(sender.audioSent)]
    .map(([timestamp, sent]) => ({ sent: seconds(sent), arrived: arrivals.get(timestamp) }))
    .filter(({ sent }) => sent >= 0 && sent <= duration - UNDER_WAY_SECONDS);
  const delays = packets.flatMap(({ sent, arrived }): [number, number][] =>
    arrived === undefined ? [] : [[sent, seconds(arrived) - sent]],
  );
  const counted = packets.filter(({ sent }) => sent >= settle);
  const settledDelays = delays.filter(([t]) => t >= settle).map(([, delay]) => delay);
  const total = changeOf(settled, ({ totalSamplesReceived }) => totalSamplesReceived);
  const buffer = bufferOf(settled);
  const meanDelay = settledDelays.reduce((sum, delay) => sum + delay, 0) / settledDelays.length;
  return {
    metrics: {
      audio_rate_bps: meanRate(bits, settle),
      ...durationMetrics('audio_delay', settledDelays),
      ...(settledDelays.length === 0 ? {} : { audio_delay_p95_s: keptDelay(settledDelays) }),
      audio_buffer_s: buffer,
      // What arrives early waits in the buffer for what is late: neither figure alone is what the listener hears.
      ...(settledDelays.length === 0 ? {} : { audio_latency_s: meanDelay + buffer }),
      audio_lost:
        counted.length === 0 ? 1 : counted.filter(({ arrived }) => arrived === undefined).length / counted.length,
      audio_concealed: total === 0 ? 1 : changeOf(settled, ({ concealedSamples }) => concealedSamples) / total,
    },
    series: [
      { name: 'audio_rate', unit: 'bit/s', points: ratesOf(bits) },
      { name: 'audio_delay', unit: 's', points: perBin(delays, median) },
      { name: 'audio_delay_p95', unit: 's', points: perBin(delays, keptDelay) },
      { name: 'audio_buffer', unit: 's', points: buffersOver(samples, seconds, ({ audio }) => audio) },
    ],
  };
}

/** [when it ended, its length] of the times without a new frame; the last ends with the call. */
function gapsOf(frames: readonly number[], end: number): [number, number][] {
  const moments = [...(frames.length === 0 ? [0] : frames), end];
  return moments.slice(1).map((time, index) => [time, time - moments[index]!]);
}

/** The longest gap that lies in the seconds after an event, at least in part. */
function gapAt(events: readonly number[], gaps: readonly (readonly [number, number])[]): number {
  const touched = gaps.filter(([end, gap]) => events.some((at) => end > at && end - gap < at + EVENT_SECONDS));
  return Math.max(0, ...touched.map(([, gap]) => gap));
}

/** The longest gap that ended in each bin. */
function largest(gaps: readonly (readonly [number, number])[]): [number, number][] {
  const bins = new Map<number, number>();
  for (const [end, gap] of gaps) {
    const bin = Math.floor(end / BIN_SECONDS);
    bins.set(bin, Math.max(bins.get(bin) ?? 0, gap));
  }
  return [...bins].sort(([a], [b]) => a - b).map(([bin, gap]) => [(bin + 0.5) * BIN_SECONDS, gap]);
}

/** The delay that most of these keep. Throws RangeError without any. */
function keptDelay(delays: readonly number[]): number {
  const delay = quantile(ascending(delays), JITTER_BUFFER_SHARE);
  if (delay === undefined) throw new RangeError('there are no delays');
  return delay;
}

function perBin(points: readonly (readonly [number, number])[], of: (values: number[]) => number): [number, number][] {
  const bins = new Map<number, number[]>();
  for (const [t, value] of points) {
    const bin = Math.floor(t / BIN_SECONDS);
    const values = bins.get(bin);
    if (values === undefined) bins.set(bin, [value]);
    else values.push(value);
  }
  return [...bins].sort(([a], [b]) => a - b).map(([bin, values]) => [(bin + 0.5) * BIN_SECONDS, of(values)]);
}

function perSecond(frames: readonly number[], duration: number): [number, number][] {
  const counts = new Array<number>(Math.floor(duration / FPS_BIN_SECONDS)).fill(0);
  for (const t of frames) {
    const bin = Math.floor(t / FPS_BIN_SECONDS);
    if (bin < counts.length) counts[bin]!++;
  }
  return counts.map((count, bin) => [(bin + 0.5) * FPS_BIN_SECONDS, count / FPS_BIN_SECONDS]);
}

/** A counter over time, from its first value on. */
function counterOf(
  samples: readonly Sample[],
  seconds: (time: number) => number,
  value: (sample: Sample) => number | null,
): [number, number][] {
  return samples.flatMap((sample): [number, number][] => {
    const now = value(sample);
    return now === null ? [] : [[seconds(sample.time), now]];
  });
}

function ratesOf(counter: readonly (readonly [number, number])[]): [number, number][] {
  return counter.slice(1).map(([t, value], index) => {
    const [before, old] = counter[index]!;
    return [(t + before) / 2, (value - old) / (t - before)];
  });
}

/** Growth a second from `since` on; 0 where nothing came. */
function meanRate(counter: readonly (readonly [number, number])[], since: number): number {
  const counted = counter.filter(([t]) => t >= since);
  const [first, last] = [counted[0], counted.at(-1)];
  return first === undefined || last === undefined || first === last ? 0 : (last[1] - first[1]) / (last[0] - first[0]);
}

type Buffered = Pick<NonNullable<Sample['video']>, 'jitterBufferDelay' | 'jitterBufferEmittedCount'>;

/** Mean time in the jitter buffer between the first and the last of the samples, s; 0 where nothing came out. */
function bufferOf(samples: readonly (Buffered | null)[]): number {
  const emitted = changeOf(samples, ({ jitterBufferEmittedCount }) => jitterBufferEmittedCount);
  return emitted === 0 ? 0 : changeOf(samples, ({ jitterBufferDelay }) => jitterBufferDelay) / emitted;
}

function buffersOver(
  samples: readonly Sample[],
  seconds: (time: number) => number,
  of: (sample: Sample) => Buffered | null,
): [number, number][] {
  return samples.slice(1).flatMap((sample, index): [number, number][] => {
    const pair = [of(samples[index]!), of(sample)];
    return pair[1] === null || changeOf(pair, ({ jitterBufferEmittedCount }) => jitterBufferEmittedCount) === 0
      ? []
      : [[seconds(sample.time), bufferOf(pair)]];
  });
}

function changeOf<T>(samples: readonly (T | null)[], value: (sample: T) => number): number {
  const known = samples.filter((sample) => sample !== null);
  const [first, last] = [known[0], known.at(-1)];
  return first === undefined || last === undefined ? 0 : value(last) - value(first);
}

function firstTimes(times: readonly (readonly [number, number])[]): Map<number, number> {
  const first = new Map<number, number>();
  for (const [timestamp, time] of times) if (!first.has(timestamp)) first.set(timestamp, time);
  return first;
}
