/** The result document: everything that one run of an experiment found out, as `result.json`. All quantities in base units. */
import { z } from 'zod';

const name = z.string().min(1);
const finite = z.number();

const Series = z.strictObject({
  name: name.describe('for instance "path1.rate"'),
  unit: z.enum(['bit/s', 's', 'bytes', '']),
  points: z.array(z.tuple([finite, finite])).describe('[seconds since the start of the workload, value]'),
});

const Arm = z.strictObject({
  label: z.string().describe('for people'),
  limit_bps: finite
    .nullable()
    .describe('what the links of this arm carry at most, in payload of the application; null = unlimited'),
  metrics: z
    .record(name, finite)
    .describe(
      '"<workload>.<metric>" and "<link>.<metric>"; a name ends with its unit: _bps bit/s, _s seconds, _bytes bytes',
    ),
  series: z.array(Series).describe('of the first repetition, where there are several'),
  repetitions: z
    .array(z.record(name, finite))
    .optional()
    .describe('metrics of each repetition, where there are several; `metrics` has their medians then'),
});

const Calibration = z.strictObject({
  arm: name,
  repetition: z.number().int().optional().describe('from 0, where there are several'),
  from: name,
  to: name,
  rate_bps: finite.nullable().describe('as measured before the workload; null = unlimited'),
  delay_median_s: finite.nullable().describe('one way, of small frames on the idle link'),
  delay_p99_s: finite.nullable(),
  trace_s: finite
    .nullable()
    .describe(
      'seconds of its trace for which each frame was compared with the trace; null = rate and delay are constant',
    ),
});

const Link = z.strictObject({
  name,
  rate_bps: finite.nullable().describe('configured rate towards the receiver, as a shaper counts it; null = unlimited'),
  delay_s: finite.describe('configured, one way, towards the receiver'),
  mtu_bytes: z.number().int(),
  queue_bytes: z.number().int().nullable().describe('what may wait in front of it before packets are dropped'),
  emulator: z.enum(['none', 'tbf', 'netem', 'relay']).describe('what makes the link so'),
  calibration: z.array(Calibration).describe('of both directions, before each arm'),
});

const Claim = z.strictObject({
  text: z.string(),
  left: finite.nullable().describe('null: it could not be computed, see `problem`'),
  right: finite.nullable(),
  unit: z.enum(['bit/s', 's', 'bytes', '']).describe('of both sides; "" = a plain number'),
  pass: z.boolean(),
  problem: z.string().optional().describe('why it could not be computed'),
});

const Event = z.strictObject({ at_s: finite, text: z.string().describe('for people: "path1 carrier=down"') });

const Machine = z.strictObject({
  cpu: z.string(),
  cores: z.number().int(),
  memory_bytes: z.number().int(),
  kernel: z.string(),
});

export const ResultDocumentSchema = z
  .strictObject({
    experiment: name,
    title: z.string(),
    paper: z.string().nullable().describe('figure of the paper that is reproduced'),
    topology: z.string(),
    started: z.iso.datetime().describe('UTC'),
    duration_s: finite.describe('of the workload, for each arm'),
    settled_s: finite.describe('means of rates count from here on'),
    machine: Machine,
    versions: z.record(name, z.string()).describe('of what took part: mpip, node, kernel, iperf3, ...'),
    parameters: z.record(name, z.union([z.string(), finite, z.boolean()])),
    combination: z.string().optional().describe('what tells it from the others of its sweep: "rate=10mbit, flows=4"'),
    arms: z.record(name, Arm),
    links: z.array(Link),
    events: z.array(Event).optional().describe('what was done to the lab, in seconds since the start of the workload'),
    limit_bps: finite.nullable().describe('the limit of the arm that the experiment is about'),
    claims: z.array(Claim),
    unchecked_claims: z.array(z.string()).describe('claims about arms that did not run'),
  })
  .meta({ title: 'Result of an mpip-lab experiment' });

export type ResultDocument = z.infer<typeof ResultDocumentSchema>;
export type ArmResult = z.infer<typeof Arm>;
export type SeriesRecord = z.infer<typeof Series>;
export type CalibrationRecord = z.infer<typeof Calibration>;
export type MachineRecord = z.infer<typeof Machine>;

/** JSON Schema (draft 2020-12) of the result document, for other tools; `docs/result.schema.json` holds it. */
export function resultJsonSchema(): unknown {
  return z.toJSONSchema(ResultDocumentSchema, { target: 'draft-2020-12' });
}

/** The metrics of each repetition as claims name them; one table where nothing was repeated. */
export function repetitionTables(document: Pick<ResultDocument, 'arms' | 'limit_bps'>): Map<string, number>[] {
  const arms = Object.entries(document.arms);
  const count = Math.max(1, ...arms.map(([, { repetitions }]) => repetitions?.length ?? 1));
  return Array.from({ length: count }, (_, i) =>
    metricTable({
      limit_bps: document.limit_bps,
      arms: Object.fromEntries(arms.map(([id, arm]) => [id, { ...arm, metrics: arm.repetitions?.[i] ?? arm.metrics }])),
    }),
  );
}

/** Metrics of all arms as claims name them, and `limit` itself. */
export function metricTable(document: Pick<ResultDocument, 'arms' | 'limit_bps'>): Map<string, number> {
  const table = new Map<string, number>();
  if (document.limit_bps !== null) table.set('limit_bps', document.limit_bps);
  for (const [arm, { metrics, limit_bps }] of Object.entries(document.arms)) {
    if (limit_bps !== null) table.set(`${arm}.limit_bps`, limit_bps);
    for (const [metric, value] of Object.entries(metrics)) table.set(`${arm}.${metric}`, value);
  }
  return table;
}
