/** Rules (paper section 3.5.2, Table 6) as documents write them, to those of the core and back. docs/rules.md is the reader's side. */
import { z } from 'zod';
import {
  DEFAULT_RULE,
  type Ordering,
  type PacketMatch,
  type PathSelector,
  type RoutingMode,
  type RoutingRule,
} from '../../core/routing/rules.js';
import { PROTOCOL_TCP } from '../../core/wire/tcp.js';
import { PROTOCOL_UDP } from '../../core/wire/udp.js';
import { ipAddress } from '../../document/address.js';
import { duration, percent } from '../../document/quantity.js';
import { covers } from './covers.js';
import { destination, destinationText, dscp, dscpText, range, rangeText } from './fields.js';

export const MAX_RULES = 256;
const MAX_NAME_CHARACTERS = 40;
const MAX_PORT = 65_535;
const MAX_PACKET_BYTES = 65_535;
const MIN_COPIES = 2;
const MAX_COPIES = 8;
const MAX_HOLD_LIMIT_US = 5_000_000;
const PROTOCOLS = { tcp: PROTOCOL_TCP, udp: PROTOCOL_UDP } as const;
/** The paper's priorities, T_f and R_f. */
const PRIORITIES = { throughput: 'all-paths', responsiveness: 'single-path' } as const;

const port = range('a port such as 22, or ports such as 5000-5100', 1, MAX_PORT);
const lengthText = range('a length such as 0-200, -200 or 200- (bytes)', 0, MAX_PACKET_BYTES);
const bytes = z.int().min(0).max(MAX_PACKET_BYTES);
const lengthMap = z
  .strictObject({ from: bytes.default(0), to: bytes.default(MAX_PACKET_BYTES) })
  .refine(({ from, to }) => from <= to, { error: 'from is larger than to, so it holds nothing' });

/** What the configuration calls paths, and rules too. */
export const pathName = z
  .string()
  .regex(/^[^\s,]+$/, 'the name of a path has neither spaces nor commas')
  .max(MAX_NAME_CHARACTERS);

const positive = { error: 'must be more than 0, or no path is ever below it' };
const paths = z
  .strictObject({
    names: z.array(pathName).min(1).optional(),
    interfaces: z.array(z.string().min(1)).min(1).optional(),
    addresses: z.array(ipAddress).min(1).optional(),
    'rtt-below': duration.refine((us) => us > 0, positive).optional(),
    'loss-below': percent.refine((share) => share > 0, positive).optional(),
    metered: z.boolean().optional(),
    backup: z.boolean().optional(),
  })
  .refine((value) => Object.keys(value).length > 0, {
    error: 'selects nothing; give names, interfaces, addresses, rtt-below, loss-below, metered or backup',
  });

const ruleShape = z.strictObject({
  name: z
    .string()
    .regex(/^\S(.*\S)?$/, 'a name neither begins nor ends with a space')
    .max(MAX_NAME_CHARACTERS)
    .refine((name) => name !== DEFAULT_RULE.name, {
      error: `"${DEFAULT_RULE.name}" is what packets take that no rule matches`,
    })
    .optional(),
  destination: destination.optional(),
  port: port.optional(),
  'source-port': port.optional(),
  protocol: z.enum(['tcp', 'udp']).optional(),
  length: z.union([lengthText, lengthMap]).optional(),
  dscp: dscp.optional(),
  'pure-ack': z.boolean().optional(),
  priority: z.enum(['throughput', 'responsiveness']).optional(),
  mode: z.enum(['all-paths', 'selected-paths', 'single-path', 'protected-path']).optional(),
  paths: paths.optional(),
  copies: z.int().min(MIN_COPIES).max(MAX_COPIES).optional(),
  reorder: z.enum(['on', 'off']).optional(),
  'hold-limit': duration
    .refine((us) => us > 0 && us <= MAX_HOLD_LIMIT_US, {
      error: 'must be more than 0 and at most 5s; reorder: off waits for nothing',
    })
    .optional(),
});

type RuleFields = z.output<typeof ruleShape>;

/** A rule that may still lack a name. */
export type NewRule = Omit<RoutingRule, 'name'> & { readonly name: string | undefined };

/** One rule. */
export const ruleSchema = ruleShape
  .check((payload) => {
    // After an unknown key it would only be noise that something is missing.
    if (payload.issues.length === 0) payload.issues.push(...contradictions(payload.value));
  })
  .transform(toRule);

/** What single values cannot show. */
function contradictions(rule: RuleFields): z.core.$ZodRawIssue[] {
  const { copies, mode, priority } = rule;
  const issue = (path: (keyof RuleFields)[], message: string) => ({
    code: 'custom' as const,
    path,
    message,
    input: rule,
  });
  if (priority !== undefined && mode !== undefined) {
    return [issue(['priority'], 'there is a mode already; give one of priority and mode')];
  }
  if (priority === undefined && mode === undefined) {
    return [issue([], 'does not say which paths it takes; give priority (throughput or responsiveness) or mode')];
  }
  const issues: z.core.$ZodRawIssue[] = [];
  if (copies !== undefined && mode !== 'protected-path')
    issues.push(issue(['copies'], 'only protected-path sends copies'));
  if (rule.paths !== undefined && modeOf(rule) === 'all-paths') {
    issues.push(issue(['paths'], `${priority ?? mode} takes all paths; for some of them write mode: selected-paths`));
  }
  if (rule.paths === undefined && mode === 'selected-paths') {
    issues.push(issue(['mode'], 'selected-paths needs paths, which says the ones to take'));
  }
  if (rule['pure-ack'] === true && rule.protocol === 'udp') {
    issues.push(issue(['pure-ack'], 'UDP has no acknowledgements'));
  }
  if (rule.reorder === 'off' && rule['hold-limit'] !== undefined) {
    issues.push(issue(['hold-limit'], 'with reorder: off no packet is held'));
  }
  const condition = (['length', 'dscp', 'pure-ack'] as const).find((key) => rule[key] !== undefined);
  const ordering = rule['hold-limit'] !== undefined ? 'hold-limit' : 'reorder';
  if (condition !== undefined && rule[ordering] !== undefined) {
    issues.push(issue([ordering], `is for all packets of a session, so the rule cannot have ${condition}`));
  }
  return issues;
}

/** A list of rules in order; those without a name get one. */
export const rulesSchema = z
  .array(ruleSchema)
  .max(MAX_RULES)
  .superRefine((rules, context) => {
    for (const { index, key, message } of conflicts(rules)) {
      context.addIssue({
        code: 'custom',
        path: key === undefined ? [index] : [index, key],
        message,
        input: rules[index],
      });
    }
  })
  .transform((rules): RoutingRule[] => rules.map((rule, i) => ({ ...rule, name: nameOf(rule, i) })));

/** A rule in the form of documents: what `ruleSchema` makes the same rule of. Plain JSON. */
export type RuleDefinition = z.input<typeof ruleSchema>;

export function definitionOf(rule: NewRule): RuleDefinition {
  const { match, select } = rule;
  const paths = {
    ...(select.names && { names: [...select.names] }),
    ...(select.interfaces && { interfaces: [...select.interfaces] }),
    ...(select.addresses && { addresses: [...select.addresses] }),
    ...(select.rttBelow !== undefined && { 'rtt-below': `${select.rttBelow / 1000}ms` }),
    ...(select.lossBelow !== undefined && { 'loss-below': percentText(select.lossBelow) }),
    ...(select.metered !== undefined && { metered: select.metered }),
    ...(select.backup !== undefined && { backup: select.backup }),
  };
  return {
    ...(rule.name !== undefined && { name: rule.name }),
    ...(match.destination && { destination: destinationText(match.destination) }),
    ...(match.destinationPort && { port: rangeText(match.destinationPort) }),
    ...(match.sourcePort && { 'source-port': rangeText(match.sourcePort) }),
    ...(match.protocol !== undefined && { protocol: match.protocol === PROTOCOL_TCP ? 'tcp' : 'udp' }),
    ...(match.length && { length: rangeText(match.length) }),
    ...(match.dscp !== undefined && { dscp: dscpText(match.dscp) }),
    ...(match.pureAck !== undefined && { 'pure-ack': match.pureAck }),
    mode: rule.mode,
    ...(Object.keys(paths).length > 0 && { paths }),
    ...(rule.mode === 'protected-path' && { copies: rule.copies }),
    ...(rule.ordering && { reorder: rule.ordering.on ? 'on' : 'off' }),
    ...(rule.ordering?.holdLimit !== undefined && { 'hold-limit': `${rule.ordering.holdLimit / 1000}ms` }),
  };
}

function percentText(share: number): string {
  return `${(share * 100).toFixed(10).replace(/\.?0+$/, '')}%`;
}

function toRule(fields: RuleFields): NewRule {
  const match: PacketMatch = {
    ...(fields.destination && { destination: fields.destination }),
    ...(fields.protocol && { protocol: PROTOCOLS[fields.protocol] }),
    ...(fields.port && { destinationPort: fields.port }),
    ...(fields['source-port'] && { sourcePort: fields['source-port'] }),
    ...(fields.length && { length: fields.length }),
    ...(fields.dscp !== undefined && { dscp: fields.dscp }),
    ...(fields['pure-ack'] !== undefined && { pureAck: fields['pure-ack'] }),
  };
  const select: PathSelector = {
    ...(fields.paths?.names && { names: fields.paths.names }),
    ...(fields.paths?.interfaces && { interfaces: fields.paths.interfaces }),
    ...(fields.paths?.addresses && { addresses: fields.paths.addresses }),
    ...(fields.paths?.['rtt-below'] !== undefined && { rttBelow: fields.paths['rtt-below'] }),
    ...(fields.paths?.['loss-below'] !== undefined && { lossBelow: fields.paths['loss-below'] }),
    ...(fields.paths?.metered !== undefined && { metered: fields.paths.metered }),
    ...(fields.paths?.backup !== undefined && { backup: fields.paths.backup }),
  };
  const mode = modeOf(fields);
  const copies = mode === 'protected-path' ? (fields.copies ?? MIN_COPIES) : 1;
  const ordering = orderingOf(fields);
  return { name: fields.name, match, mode, select, copies, ...(ordering && { ordering }) };
}

function orderingOf({ reorder, 'hold-limit': holdLimit }: RuleFields): Ordering | undefined {
  if (holdLimit !== undefined) return { on: true, holdLimit };
  return reorder === undefined ? undefined : { on: reorder === 'on' };
}

function modeOf({ mode, priority }: RuleFields): RoutingMode {
  return mode ?? PRIORITIES[priority ?? 'throughput'];
}

/** The name that a rule at this place gets when it has none. */
export function nameOf({ name }: Pick<NewRule, 'name'>, index: number): string {
  return name ?? `rule ${index + 1}`;
}

/** What is wrong with a list of rules as a whole; the message tells of the rule at `index`. */
interface Conflict {
  readonly index: number;
  readonly key?: 'name';
  readonly message: string;
}

/** Names that stand twice, and rules that no packet ever reaches. */
export function conflicts(rules: readonly NewRule[]): Conflict[] {
  const found: Conflict[] = [];
  const names = rules.map(nameOf);
  rules.forEach((rule, index) => {
    const name = names[index] as string;
    const twin = names.indexOf(name);
    if (twin < index) {
      const message = `there is a rule ${JSON.stringify(name)} already, the ${ordinal(twin + 1)}`;
      const nameless = rule.name === undefined;
      found.push(nameless ? { index, message: `${message}; give this one a name` } : { index, key: 'name', message });
    }
    const outer = rules.findIndex(({ match }, i) => i < index && covers(match, rule.match));
    if (outer >= 0) {
      found.push({
        index,
        message: `is never reached: ${JSON.stringify(names[outer])} before it matches all its packets`,
      });
    }
  });
  return found;
}

function ordinal(number: number): string {
  const suffix = ['th', 'st', 'nd', 'rd'][number % 100 >= 11 && number % 100 <= 13 ? 0 : number % 10] ?? 'th';
  return `${number}${suffix}`;
}
