/**
 * Parameters in documents: `${name}` in a text stands for a value. A text that is a parameter alone takes the value as it is, a number
 * stays a number; elsewhere it is put in as text. `$${` is a `${` that stands for itself.
 */
import { nearest } from './nearest.js';
import type { DocumentPath } from './positions.js';

export type ParameterValue = string | number | boolean;
export type Parameters = Readonly<Record<string, ParameterValue>>;

/** A name that no parameter has. */
export interface UnknownParameter {
  readonly path: DocumentPath;
  readonly at: 'value' | 'key';
  readonly message: string;
}

export interface Substituted {
  readonly value: unknown;
  readonly unknown: readonly UnknownParameter[];
}

const REFERENCE = /\$(\$(?=\{))|\$\{([^}]*)\}/g;
const ALONE = /^\$\{([^}]*)\}$/;

/** The same value with its parameters replaced, in texts and in keys of maps. */
export function substitute(value: unknown, parameters: Parameters): Substituted {
  const unknown: UnknownParameter[] = [];
  const lookUp = (name: string, path: DocumentPath, at: 'value' | 'key'): ParameterValue => {
    const known = name.trim();
    if (Object.hasOwn(parameters, known)) return parameters[known] as ParameterValue;
    unknown.push({ path, at, message: unknownMessage(known, Object.keys(parameters)) });
    return '';
  };
  const inText = (text: string, path: DocumentPath, at: 'value' | 'key'): string =>
    text.replace(REFERENCE, (_, escaped: string | undefined, name: string) =>
      escaped === undefined ? String(lookUp(name, path, at)) : '$',
    );
  const visit = (node: unknown, path: DocumentPath): unknown => {
    if (typeof node === 'string') {
      const [, alone] = ALONE.exec(node) ?? [];
      return alone === undefined ? inText(node, path, 'value') : lookUp(alone, path, 'value');
    }
    if (Array.isArray(node)) return node.map((item, index) => visit(item, [...path, index]));
    if (typeof node !== 'object' || node === null) return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, item]) => [inText(key, [...path, key], 'key'), visit(item, [...path, key])]),
    );
  };
  return { value: visit(value, []), unknown };
}

function unknownMessage(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  const hint = meant === undefined ? '' : `, did you mean \${${meant}}?`;
  const list = known.length === 0 ? 'there are none (matrix: defines them)' : `parameters: ${known.join(', ')}`;
  return `\${${name}} names no parameter${hint || ';'} ${list}; a \${ that stands for itself is written $\${`;
}
