import type { z } from 'zod';
import { nearest } from './nearest.js';

type Issue = z.core.$ZodIssue;
type RawIssue = z.core.$ZodRawIssue;

/** A finding of the schema in the reader's words. */
export interface Finding {
  readonly path: readonly (string | number)[];
  /** Which part of the pair at the path is at fault. */
  readonly at: 'value' | 'key';
  readonly message: string;
}

/** Stands for the message of an issue that consists of others, unless the schema's author gave it one. */
const COMPOSED = '\u0000composed';

/** What `value` is, for "expected a number, not ...". */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value);
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return String(value);
}

/** `expected X, not Y`, or `expected X` where there is no value. */
export function expected(what: string, value: unknown): string {
  return value === undefined ? `expected ${what}` : `expected ${what}, not ${describe(value)}`;
}

/** The X of a message made by `expected`. */
function expectedOf(message: string, value: unknown): string {
  return message.slice(
    expected('', undefined).length,
    message.length - (expected('', value).length - expected('', undefined).length),
  );
}

/** The error map of one check of a document. */
export interface Explainer {
  readonly errorMap: (issue: RawIssue) => string;
  /** Issues of zod in words; those made of others taken apart. */
  findings(issues: readonly Issue[]): Finding[];
}

export function explainer(): Explainer {
  // zod keeps the list of unknown keys itself in the issue that comes out, but not the schema that refused them.
  const allowedKeys = new WeakMap<readonly string[], readonly string[]>();

  const errorMap = (issue: RawIssue): string => {
    if (issue.code === 'unrecognized_keys') {
      const shape = (issue.inst?._zod.def as { shape?: object } | undefined)?.shape;
      if (shape) allowedKeys.set(issue.keys, Object.keys(shape));
      return COMPOSED;
    }
    if (issue.code === 'invalid_union' && issue.discriminator === undefined) return COMPOSED;
    if (issue.code === 'invalid_key' || issue.code === 'invalid_element') return COMPOSED;
    return explain(issue);
  };

  const findings = (issues: readonly Issue[]): Finding[] => issues.flatMap(takeApart);

  const takeApart = (issue: Issue): Finding[] => {
    const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
    if (issue.message !== COMPOSED) return [{ path, at: 'value', message: issue.message }];
    if (issue.code === 'unrecognized_keys') {
      const allowed = allowedKeys.get(issue.keys) ?? [];
      return issue.keys.map((key) => ({ path: [...path, key], at: 'key' as const, message: unknownKey(key, allowed) }));
    }
    if (issue.code === 'invalid_key') {
      return findings(issue.issues as Issue[]).map(({ message }) => ({
        path,
        at: 'key' as const,
        message: `the key ${describe(issue.input)} is not allowed: ${message}`,
      }));
    }
    if (issue.code === 'invalid_union') {
      return branch(issue, findings).map((found) => ({ ...found, path: [...path, ...found.path] }));
    }
    return [{ path, at: 'value', message: 'is not allowed' }];
  };

  return { errorMap, findings };
}

function unknownKey(key: string, allowed: readonly string[]): string {
  const meant = nearest(key, allowed);
  const hint = meant === undefined ? '' : `, did you mean ${JSON.stringify(meant)}?`;
  return `unknown key${hint || ';'} ${allowed.length > 0 ? `allowed: ${allowed.join(', ')}` : 'none is allowed here'}`;
}

/** Of a union's alternatives, the one that the value was most likely meant to be. */
function branch(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  findings: (issues: readonly Issue[]) => Finding[],
): Finding[] {
  const branches = issue.errors.map((errors) => ({ errors, found: findings(errors) }));
  const right = branches.filter(({ errors }) => !errors.some(isWrongKind));
  if (right.length > 0) {
    const [first, ...others] = right as [(typeof right)[number], ...typeof right];
    return others.reduce((best, other) => (other.found.length < best.found.length ? other : best), first).found;
  }
  const kinds = [...new Set(branches.flatMap(({ errors }) => errors.filter(isWrongKind).map(kindOf)))];
  return [{ path: [], at: 'value', message: expected(oneOf(kinds), issue.input) }];
}

/** The value is of another kind than the alternative: what its parts are does not matter then. */
function isWrongKind(issue: Issue): boolean {
  return issue.path.length === 0 && ['invalid_type', 'invalid_value', 'invalid_union'].includes(issue.code);
}

function kindOf(issue: Issue): string {
  return issue.code === 'invalid_value' ? issue.values.join(', ') : expectedOf(issue.message, issue.input);
}

function oneOf(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} or ${words[words.length - 1]}`;
}

function explain(issue: RawIssue): string {
  const { input } = issue;
  switch (issue.code) {
    case 'invalid_type':
      return expected(kind(String(issue.expected)), input);
    case 'invalid_value':
      return choice(input, issue.values.map(String));
    case 'invalid_union': {
      const tag = (input as Record<string, unknown> | undefined)?.[String(issue.discriminator)];
      return choice(tag, ((issue.options as unknown[] | undefined) ?? []).map(String));
    }
    case 'too_big': {
      const limit = issue.inclusive === false ? 'less than' : 'at most';
      return outOfBounds(issue.origin, input, ['large', 'long'], `${issue.exact ? 'exactly' : limit} ${issue.maximum}`);
    }
    case 'too_small': {
      const limit = issue.inclusive === false ? 'more than' : 'at least';
      return outOfBounds(
        issue.origin,
        input,
        ['small', 'short'],
        `${issue.exact ? 'exactly' : limit} ${issue.minimum}`,
      );
    }
    case 'not_multiple_of':
      return `${describe(input)} is not a multiple of ${issue.divisor}`;
    case 'invalid_format':
      return `${describe(input)} does not have the form ${issue.pattern ?? issue.format}`;
    default:
      return 'is not allowed';
  }
}

function choice(value: unknown, allowed: readonly string[]): string {
  if (value === undefined) return `expected ${allowed.length === 1 ? allowed[0] : `one of: ${allowed.join(', ')}`}`;
  const meant = typeof value === 'string' ? nearest(value, allowed) : undefined;
  const hint = meant === undefined ? ';' : `, did you mean ${JSON.stringify(meant)}?`;
  return `${describe(value)} is not allowed${hint} allowed: ${allowed.join(', ')}`;
}

function outOfBounds(origin: string, value: unknown, [size, length]: [string, string], limit: string): string {
  if (origin === 'string') {
    return `${describe(value)} is too ${length}; ${limit} character${limit.endsWith(' 1') ? '' : 's'}`;
  }
  if (typeof value !== 'object' || value === null) return `${describe(value)} is too ${size}; ${limit}`;
  const count = Object.keys(value).length;
  return `has ${count} ${Array.isArray(value) ? 'item' : 'key'}${count === 1 ? '' : 's'}; ${limit} allowed`;
}

function kind(type: string): string {
  const names: Record<string, string> = {
    string: 'text',
    number: 'a number',
    int: 'a whole number',
    safeint: 'a whole number',
    boolean: 'true or false',
    array: 'a list',
    tuple: 'a list',
    object: 'a map',
    record: 'a map',
    null: 'nothing',
  };
  return names[type] ?? type;
}
