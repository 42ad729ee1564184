import type { z } from 'zod';
import { DEFAULT_RULE, type RoutingRule } from '../../core/routing/rules.js';
import type { RuleStatus } from '../../core/status.js';
import { explainer } from '../../document/explain.js';
import { nearest } from '../../document/nearest.js';
import { pathText } from '../../document/positions.js';
import { conflicts, definitionOf, MAX_RULES, nameOf, type RuleDefinition, ruleSchema, rulesSchema } from './schema.js';

/** A change of the rules that is refused; nothing has changed. */
export class RuleError extends Error {
  readonly code = 'E_RULES';
  override readonly name = 'RuleError';
}

export type { RuleDefinition };

/** A rule as documents write it, how many packets took it, and the bytes sent for them. */
export interface RuleListing {
  readonly rule: RuleDefinition;
  readonly packets: number;
  /** On all paths, copies among it, with outer headers. */
  readonly bytes: number;
}

/** The list with one more rule, in front of the one called `before` or at the end. Throws RuleError. */
export function withRule(rules: readonly RoutingRule[], definition: unknown, before?: string): RoutingRule[] {
  const parsed = parse(ruleSchema, definition);
  const at = before === undefined ? rules.length : indexOf(rules, before);
  const added = { ...parsed, name: parsed.name ?? freeName(rules) };
  return checked([...rules.slice(0, at), added, ...rules.slice(at)]);
}

/** The list without a rule. Throws RuleError. */
export function withoutRule(rules: readonly RoutingRule[], name: string): RoutingRule[] {
  const at = indexOf(rules, name);
  return rules.filter((_, i) => i !== at);
}

/** Another list. Throws RuleError. */
export function newRules(definitions: unknown): RoutingRule[] {
  return parse(rulesSchema, definitions);
}

/** The list with what the node counted; the last entry stands for what no rule matches. */
export function listRules(rules: readonly RoutingRule[], counts: readonly RuleStatus[]): RuleListing[] {
  return [...rules, DEFAULT_RULE].map((rule) => {
    const counted = counts.find(({ name }) => name === rule.name);
    return { rule: definitionOf(rule), packets: counted?.packets ?? 0, bytes: counted?.bytes ?? 0 };
  });
}

function indexOf(rules: readonly RoutingRule[], name: string): number {
  const at = rules.findIndex((rule) => rule.name === name);
  if (at >= 0) return at;
  const names = rules.map((rule) => rule.name);
  const meant = nearest(name, names);
  const hint = meant === undefined ? '' : `, did you mean ${JSON.stringify(meant)}?`;
  throw new RuleError(
    `there is no rule ${JSON.stringify(name)}${hint || `; there are: ${names.join(', ') || 'none'}`}`,
  );
}

function freeName(rules: readonly RoutingRule[]): string {
  for (let i = rules.length; ; i++) {
    const name = nameOf({ name: undefined }, i);
    if (!rules.some((rule) => rule.name === name)) return name;
  }
}

function checked(rules: RoutingRule[]): RoutingRule[] {
  if (rules.length > MAX_RULES) throw new RuleError(`there are ${MAX_RULES} rules already, which is the most`);
  const [first] = conflicts(rules);
  if (first === undefined) return rules;
  throw new RuleError(`rule ${JSON.stringify(rules[first.index]?.name)}: ${first.message}`);
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const explain = explainer();
  const result = schema.safeParse(value, { error: explain.errorMap, reportInput: true });
  if (result.success) return result.data;
  const problems = explain.findings(result.error.issues).map(({ path, message }) => {
    const place = pathText(path);
    return place === '' ? message : `${place}: ${message}`;
  });
  throw new RuleError(problems.join('; '));
}
