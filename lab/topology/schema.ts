/** The grammar of topology files. What a grammar cannot say stands in check.ts. */
import { z } from 'zod';
import { mpipSettings, type RuleDefinition } from '../../src/daemon/api.js';
import { ipInterface, ipNetwork } from '../../src/document/address.js';
import { describe } from '../../src/document/explain.js';
import { duration, percent, rate, size } from '../../src/document/quantity.js';
import { firewallSchema, natSchema } from './middlebox-schema.js';
import { BACKEND_NAMES, type Loss, type MpipSettings, type QueueLimit } from './topology.js';

/** Longest name of an interface: IFNAMSIZ less the final zero. */
const INTERFACE_NAME_MAX = 15;
/** Names that the kernel or the lab gives a meaning of their own. */
const RESERVED_INTERFACES = ['lo', 'all', 'default', 'br0', 'mpip0'];

/** IPv6 needs 1280 (RFC 8200), IPv4 68 (RFC 791); veth takes at most 65,535. */
const MTU_MIN = 68;
const MTU_MAX = 65_535;
/** tbf counts in whole bytes a second; slower links are of no use to TCP. */
const RATE_MIN_BPS = 8000;

/** 32 bits. */
const SEED_MAX = 2 ** 32 - 1;

const NAME = /^[A-Za-z0-9]([A-Za-z0-9_-]{0,30}[A-Za-z0-9])?$/;
const NAME_FORM = 'letters, digits, "-" and "_" (not at the ends), at most 32';

const name = z.string().refine((text) => NAME.test(text), {
  error: (issue) => `${describe(issue.input)} is not a name: ${NAME_FORM}`,
});

/** "a:eth0". */
const linkEnd = z.string().transform((text, context) => {
  const refuse = (message: string): never => {
    context.addIssue({ code: 'custom', message, input: text });
    return z.NEVER;
  };
  const [, node, device] = /^([^:\s]+):([^:\s]*)$/.exec(text) ?? [];
  if (node === undefined || device === undefined) {
    return refuse(`${describe(text)} is not an end such as a:eth0 (node:interface)`);
  }
  if (device === '') return refuse(`${describe(text)} names no interface; write for example ${node}:eth0`);
  if (device.length > INTERFACE_NAME_MAX) {
    return refuse(`interface name ${describe(device)} is too long: ${device.length} characters; at most 15`);
  }
  if (!/^[A-Za-z0-9][\w.-]*$/.test(device)) {
    return refuse(`${describe(device)} is not an interface name: letters, digits, "-", "_" and "."`);
  }
  if (RESERVED_INTERFACES.includes(device)) {
    return refuse(`interface name ${describe(device)} is reserved; reserved: ${RESERVED_INTERFACES.join(', ')}`);
  }
  return { node, interface: device };
});

const listOf = <T extends z.ZodType>(item: T) =>
  z.union([item.transform((value) => [value]), z.array(item).min(1)]) as z.ZodType<z.output<T>[]>;

const networks = listOf(ipNetwork);

/** "100ms", "64kib", "100 packets". */
export const queueLimit = z.union([z.string(), z.number()]).transform((value, context): QueueLimit => {
  const packets = /^(\d+) ?(?:p|packets?)$/.exec(String(value))?.[1];
  if (packets !== undefined && Number(packets) > 0) return { kind: 'packets', packets: Number(packets) };
  const time = duration.safeParse(value);
  if (time.success && time.data > 0) return { kind: 'time', us: time.data };
  const bytes = size.safeParse(value);
  if (bytes.success && bytes.data > 0) return { kind: 'bytes', bytes: bytes.data };
  context.addIssue({
    code: 'custom',
    message: `${describe(value)} is not a queue limit such as 50ms, 64kib or 100packets`,
    input: value,
  });
  return z.NEVER;
});

export const linkRate = rate.refine((bps) => bps >= RATE_MIN_BPS, { error: 'is too slow; at least 8kbit' });

/** Longest delay and jitter: more is a slip of the unit, and takes memory for all that is on its way. */
const DELAY_MAX_US = 10_000_000;
export const linkDelay = duration.refine((us) => us <= DELAY_MAX_US, { error: 'is too long; at most 10s' });

/** Losses in runs have a mean below 1, so that the link is good at some time. */
const LOSS_MODEL_MEAN_MAX = 0.9;

/** "0.1%", or a map for losses in runs. */
export const linkLoss: z.ZodType<Loss> = z.union([
  percent.transform((mean): Loss => ({ model: 'random', mean })),
  z.strictObject({
    model: z.literal('gilbert-elliott'),
    mean: percent.refine((mean) => mean <= LOSS_MODEL_MEAN_MAX, {
      error: 'is too much for losses in runs; at most 90%',
    }),
    burst: z.number().min(1).max(10_000),
  }),
]);

const directionShape = { rate: linkRate.optional(), limit: queueLimit.optional() };
/** What needs an emulator of links, by netem or the relay. */
const emulatedShape = {
  delay: linkDelay.optional(),
  jitter: linkDelay.optional(),
  loss: linkLoss.optional(),
  reorder: percent.optional(),
  duplicate: percent.optional(),
  trace: z.string().min(1).optional(),
};

export const directionSchema = z.strictObject({ ...directionShape, ...emulatedShape });

const linkShape = {
  ends: z.tuple([linkEnd, linkEnd], { error: 'expected two ends such as [a:eth0, b:eth0]' }),
  subnet: networks.optional(),
  addresses: z.record(z.string(), listOf(ipInterface)).optional(),
  mtu: z.int().min(MTU_MIN).max(MTU_MAX).optional(),
  offloads: z.boolean().optional(),
  ...directionShape,
  ...emulatedShape,
};

/** For the list of allowed keys in messages about unknown ones. */
const linkKeys = z.strictObject({ ...linkShape, 'a->b': directionSchema.optional() });

/** A link: its own keys, and keys of the form "a->b" for one direction each. */
export const linkSchema = z.looseObject(linkShape).check((payload) => {
  const link = payload.value as Record<string, unknown>;
  for (const key of Object.keys(link)) {
    if (key in linkShape) continue;
    if (!key.includes('->')) {
      payload.issues.push({ code: 'unrecognized_keys', keys: [key], input: link, inst: linkKeys });
      continue;
    }
    const checked = checkPart(directionSchema, link[key]);
    payload.issues.push(...z.core.util.prefixIssues(key, checked.issues));
    link[key] = checked.value;
  }
});

/** Settings as they are written: what is left out is filled in by mpipd itself. */
export const mpip = z.record(z.string(), z.unknown()).check((payload) => {
  payload.issues.push(...checkPart(mpipSettings, payload.value).issues);
}) as z.ZodType<MpipSettings>;

/** Rules as mpipd takes them (docs/rules.md). */
export const rules = z.array(z.record(z.string(), z.unknown())).check((payload) => {
  const { issues } = checkPart(mpipSettings, { rules: payload.value });
  payload.issues.push(...issues.map((issue) => ({ ...issue, path: issue.path?.slice(1) ?? [] })));
}) as z.ZodType<RuleDefinition[]>;

const sysctls = z.record(
  z.string().refine((key) => /^net\.[\w./-]+$/.test(key), {
    error: (issue) => `${describe(issue.input)} is not a setting of the network such as net.ipv4.tcp_rmem`,
  }),
  z.union([z.string(), z.int()]),
);

/** One value by a schema of its own; issues have paths from there. */
function checkPart(schema: z.ZodType, value: unknown): z.core.ParsePayload {
  const payload = schema._zod.run({ value, issues: [] }, { async: false });
  if (payload instanceof Promise) throw new TypeError('schemas of topologies are synchronous');
  return payload;
}

const nodeSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('host'),
    mpip: z.union([z.boolean(), mpip]).optional(),
    sysctls: sysctls.optional(),
  }),
  z.strictObject({
    kind: z.literal('router'),
    nat: natSchema.optional(),
    firewall: firewallSchema.optional(),
    sysctls: sysctls.optional(),
  }),
  z.strictObject({ kind: z.literal('switch'), subnet: networks.optional() }),
]);

export const topologySchema = z.strictObject({
  extends: z.string().optional(),
  name: name,
  backend: z.enum(BACKEND_NAMES).optional(),
  seed: z.int().min(0).max(SEED_MAX).default(1),
  nodes: z.record(name, nodeSchema),
  links: z.record(name, linkSchema).default({}),
});

export type TopologyDocument = z.output<typeof topologySchema>;
export type LinkDocument = TopologyDocument['links'][string];
export type DirectionDocument = z.output<typeof directionSchema>;
