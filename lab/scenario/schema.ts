/** The grammar of scenario files. What a grammar cannot say stands in check.ts. */
import { z } from 'zod';
import { describe } from '../../src/document/explain.js';
import { duration as durationUs, percent, rate, size } from '../../src/document/quantity.js';
import { linkChange } from '../running/link-change.js';
import { mpip, rules, topologySchema } from '../topology/schema.js';
import { SIZE_NEEDS_REVERSE } from '../workloads/iperf3.js';

/** Words as claims take them (results/claim-syntax.ts). */
const WORD = /^[A-Za-z_][\w-]{0,31}$/;

/** IPv4 and its UDP header leave so much of the largest packet. */
const UDP_PAYLOAD_MAX = 65_507;
/** Number and time of sending. */
const UDP_ECHO_MIN = 12;
/** What one process can pace. */
const UDP_ECHO_PACKETS_MAX = 20_000;

const word = z.string().refine((text) => WORD.test(text), {
  error: (issue) =>
    `${describe(issue.input)} is not a name for claims: a letter, then letters, digits, "-" and "_", at most 32`,
});

/** Seconds. */
const time = durationUs.transform((us) => us / 1e6);
const positive = time.refine((seconds) => seconds > 0, { error: 'must be more than 0' });
const wholeSeconds = positive.refine(Number.isInteger, { error: 'iperf3 takes whole seconds' });
const bytes = (least: number, most: number) =>
  size.refine((value) => value >= least && value <= most, { error: `must be from ${least} to ${most} bytes` });
const count = z.int().min(1);

/** "640x480" */
const resolution = z
  .string()
  .regex(/^[1-9]\d{1,3}x[1-9]\d{1,3}$/, { error: 'expected width and height, such as 640x480' })
  .transform((text) => {
    const [width = 0, height = 0] = text.split('x').map(Number);
    return { width, height };
  });

const bitrateBounds = z
  .strictObject({ min: rate.optional(), start: rate.optional(), max: rate.optional() })
  .refine(({ min = 0, max = Number.POSITIVE_INFINITY }) => min <= max, { error: 'min is above max' });

/** Of a video: pixels, and bit/s. */
const level = z.strictObject({
  height: z.int().min(144).max(2160).multipleOf(2),
  rate: rate.refine((bps) => bps >= 100_000, { error: 'must be at least 100kbit' }),
});

/** Up to those of the paper (section 5.2.1). */
const LEVELS = [
  { height: 240, rate: 300_000 },
  { height: 360, rate: 600_000 },
  { height: 480, rate: 1_200_000 },
  { height: 720, rate: 2_500_000 },
  { height: 1080, rate: 4_500_000 },
];

/** Seconds: the video is an hour long, and goes on behind it. */
const SEEK_MAX = 3000;

/** A text is a line for the shell. */
const command = z.union([
  z
    .string()
    .min(1)
    .transform((line) => ['sh', '-c', line]),
  z.array(z.string()).min(1),
]) as z.ZodType<string[]>;

const common = { name: word, at: time.default(0) };
const between = { from: z.string(), to: z.string() };

const workload = z
  .discriminatedUnion('type', [
    z.strictObject({
      ...common,
      ...between,
      type: z.literal('iperf3'),
      protocol: z.enum(['tcp', 'udp']).default('tcp'),
      congestion: z.string().min(1).default('cubic'),
      duration: wholeSeconds.optional(),
      size: bytes(1, 2 ** 40).optional(),
      reverse: z.boolean().default(false),
      parallel: count.max(128).default(1),
      rate: rate.optional(),
      // iperf3 takes no shorter one.
      interval: time.refine((s) => s >= 0.1 && s <= 60, { error: 'must be from 100ms to 60s' }).optional(),
    }),
    z.strictObject({
      ...common,
      ...between,
      type: z.literal('http'),
      size: bytes(1, 2 ** 40),
      requests: count.max(1_000_000).default(1),
      concurrency: count.max(1000).default(1),
      timeout: positive.default(60),
    }),
    z.strictObject({
      ...common,
      ...between,
      type: z.literal('ping'),
      interval: positive.default(0.2),
      size: bytes(16, UDP_PAYLOAD_MAX).default(56),
      duration: positive.optional(),
    }),
    z.strictObject({
      ...common,
      ...between,
      type: z.literal('udp-echo'),
      rate,
      size: bytes(UDP_ECHO_MIN, UDP_PAYLOAD_MAX).default(200),
      duration: positive.optional(),
    }),
    z.strictObject({
      ...common,
      ...between,
      type: z.literal('webrtc'),
      resolution: resolution.default({ width: 640, height: 480 }),
      fps: count.max(60).default(30),
      codec: z.enum(['vp8', 'vp9', 'h264', 'av1']).default('vp8'),
      bitrate: bitrateBounds.default({}),
      degradation: z.enum(['balanced', 'maintain-resolution', 'maintain-framerate']).default('balanced'),
      source: z
        .string()
        .regex(/^(camera|detailed)$|\.(y4m|mjpeg)$/, {
          error: 'expected "camera", "detailed", or a file of raw video (.y4m) or pictures (.mjpeg)',
        })
        .default('camera'),
      audio: z.boolean().default(true),
      bundle: z.boolean().default(true),
      'one-way': z.boolean().default(false),
      duration: positive.optional(),
    }),
    z.strictObject({
      ...common,
      ...between,
      type: z.literal('video'),
      proxy: z.string().optional(),
      levels: z.array(level).min(1).max(12).default(LEVELS),
      fps: count.max(60).default(30),
      segment: positive.refine((s) => s <= 10, { error: 'must be at most 10s' }).default(2),
      start: z.int().optional(),
      buffer: positive.refine((s) => s >= 4 && s <= 120, { error: 'must be from 4s to 120s' }).default(30),
      seek: z
        .strictObject({ at: positive, to: time.refine((s) => s <= SEEK_MAX, { error: 'must be at most 50min' }) })
        .optional(),
      duration: positive.optional(),
    }),
    z.strictObject({
      ...common,
      type: z.literal('exec'),
      node: z.string(),
      command,
      json: z.boolean().default(false),
      timeout: positive.default(60),
    }),
  ])
  .check((payload) => {
    const { value } = payload;
    const refuse = (key: string, message: string): void =>
      void payload.issues.push({ code: 'custom', path: [key], input: value, message });
    if (value.type === 'iperf3' && value.protocol === 'udp' && value.rate === undefined) {
      refuse('rate', 'UDP needs a rate');
    }
    if (value.type === 'iperf3' && value.size !== undefined) {
      if (value.duration !== undefined) refuse('size', 'there is a duration already; a transfer has one of them');
      else if (value.protocol === 'udp') refuse('size', 'UDP sends for a time: give it a duration');
      else if (!value.reverse) refuse('size', SIZE_NEEDS_REVERSE);
    }
    if (value.type === 'video') {
      const { levels, segment, fps, start } = value;
      levels.forEach(({ height, rate: bps }, i) => {
        const below = levels[i - 1];
        if (below !== undefined && (height <= below.height || bps <= below.rate)) {
          refuse('levels', 'go from the lowest to the highest, in height and in rate');
        }
      });
      const pictures = segment * fps;
      if (Math.abs(pictures - Math.round(pictures)) > 1e-6) {
        refuse('segment', `is ${pictures} pictures at ${fps} a second; it must be a whole number of them`);
      }
      if (start !== undefined && !levels.some(({ height }) => height === start)) {
        refuse('start', `no level has this height; heights: ${levels.map(({ height }) => height).join(', ')}`);
      }
    }
    if (value.type === 'udp-echo') {
      const packets = value.rate / (value.size * 8);
      if (packets > UDP_ECHO_PACKETS_MAX) {
        refuse('rate', `is ${Math.round(packets)} datagrams a second; at most ${UDP_ECHO_PACKETS_MAX}`);
      }
      if (value.rate === 0) refuse('rate', 'must be more than 0');
    }
  });

const arm = z.union([
  z.enum(['ip', 'mpip', 'mptcp']),
  z.strictObject({
    name: word,
    label: z.string().min(1).optional(),
    mpip: z.union([z.boolean(), mpip]).optional(),
    mptcp: z.boolean().optional(),
    without: z.union([z.string().transform((link) => [link]), z.array(z.string()).min(1)]).optional(),
  }),
]);

/** A value of a parameter. */
const parameter = z.union([z.string(), z.number(), z.boolean()]);

/** Combinations that something is for: values of parameters. */
const only = z.record(z.string(), z.union([parameter, z.array(parameter).min(1)])).optional();

const event = z.strictObject({
  at: time,
  name: word.optional(),
  only,
  link: z.string().optional(),
  set: linkChange.optional(),
  node: z.string().optional(),
  exec: command.optional(),
  mpipd: z.enum(['kill', 'stop', 'start', 'restart']).optional(),
  rules: rules.optional(),
});

/** With the key that the text stands at, if any. */
interface ClaimDocument {
  readonly text: string;
  readonly key: readonly string[];
  readonly only?: OnlyDocument;
}

const claim = z.union([
  z
    .string()
    .min(1)
    .transform((text) => ({ text, key: [] })),
  z
    .strictObject({ that: z.string().min(1), only })
    .transform(({ that, only: where }) => ({ text: that, key: ['that'], ...(where && { only: where }) })),
]) as z.ZodType<ClaimDocument>;

/** Names and values of parameters: read first, since all else may use them. */
const parameterName = z.string().refine((name) => /^[A-Za-z_][\w-]*$/.test(name), {
  error: (issue) => `${describe(issue.input)} is not a name of a parameter`,
});
const matrixSchema = z.union([
  z.record(parameterName, z.array(parameter).min(1)),
  z
    .array(z.record(parameterName, parameter))
    .min(1)
    .refine((rows) => rows.every((row) => Object.keys(row).join() === Object.keys(rows[0] ?? {}).join()), {
      error: 'each combination gives values to the same parameters, in the same order',
    }),
]);

/** The part of a scenario that must be known before the rest can be read. */
export const preludeSchema = z.looseObject({ matrix: matrixSchema.optional() });

/** Names of series, without their arm; several share a panel. */
const panel = z
  .union([
    z.string().min(1),
    z.strictObject({
      series: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
      title: z.string().min(1).optional(),
    }),
  ])
  .transform((given): PanelDocument => {
    const { series, title = [series].flat().join(', ') } = typeof given === 'string' ? { series: given } : given;
    return { series: [series].flat(), title };
  });

interface PanelDocument {
  readonly series: readonly string[];
  readonly title: string;
}
/** A time, or the name of an event. */
const moment = z.union([time, word]);
/** A share of a link's capacity, or a rate. */
const mark = z.union([percent.transform((share) => ({ share })), rate.transform((bps) => ({ bps }))]);

const measure = z.union([
  z.strictObject({ name: word, 'pause-of': z.string(), below: rate.default(0) }),
  z.strictObject({ name: word, 'time-until': z.string(), reaches: mark, after: z.string() }),
  z.strictObject({ name: word, 'distribution-of': z.string() }),
  z.strictObject({ name: word, 'mean-of': z.string(), from: moment.optional(), to: moment.optional() }),
]);

const referenceMark = z.strictObject({
  panel: z.string(),
  value: z.number(),
  label: z.string(),
  at: parameter.optional(),
});

/** A figure over all combinations. */
const overview = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('box'),
    distribution: z.string(),
    by: z.string(),
  }),
  z.strictObject({
    type: z.literal('sweep'),
    over: z.string(),
    title: z.string().optional(),
    panels: z.array(z.strictObject({ metric: z.string(), title: z.string() })).min(1),
    marks: z.array(referenceMark).default([]),
  }),
]);

export const scenarioSchema = z.strictObject({
  name: topologySchema.shape.name.optional(),
  title: z.string().min(1).optional(),
  paper: z.string().min(1).optional(),
  topology: z.union([z.string().min(1), topologySchema.omit({ extends: true }).partial({ name: true })], {
    error: 'expected the path of a topology file, or a topology (nodes and links)',
  }),
  arms: z.array(arm).min(1),
  workloads: z.array(workload).min(1),
  events: z.array(event).default([]),
  measures: z.array(measure).default([]),
  claims: z.array(claim).default([]),
  figure: z.array(panel).min(1).optional(),
  overview: overview.optional(),
  bin: time.refine((s) => s >= 0.05, { error: 'must be at least 50ms' }).optional(),
  duration: positive.optional(),
  short: z
    .union([positive.transform((duration) => ({ duration })), z.strictObject({ duration: positive, only })])
    .optional(),
  settle: time.optional(),
  repeat: count.max(1000).default(1),
  matrix: z.unknown().optional(),
});

export type ScenarioDocument = z.output<typeof scenarioSchema>;
export type EventDocument = ScenarioDocument['events'][number];
export type WorkloadDocument = ScenarioDocument['workloads'][number];
export type MeasureDocument = ScenarioDocument['measures'][number];
export type OverviewDocument = NonNullable<ScenarioDocument['overview']>;
export type OnlyDocument = NonNullable<z.output<typeof only>>;
export type ArmDocument = ScenarioDocument['arms'][number];
