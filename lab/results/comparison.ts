/** Goodput over all combinations of parameters, arms side by side: what each has of the first one's, and of what its links carry. */
import type { ResultDocument } from './document.js';

export interface Comparison {
  readonly heads: readonly string[];
  /** One for each combination: its parameters, then the columns of each arm. */
  readonly rows: readonly (readonly string[])[];
}

/** `metric` is in bit/s. Null where there is nothing to compare: one combination, or one arm. */
export function comparisonOf(documents: readonly ResultDocument[], metric: string): Comparison | null {
  const [first] = documents;
  if (first === undefined || documents.length < 2) return null;
  const [reference, ...others] = Object.entries(first.arms);
  if (reference === undefined || others.length === 0) return null;
  const [referenceId, { label: referenceLabel }] = reference;
  const parameters = Object.keys(first.parameters);
  const heads = [
    ...parameters,
    `${referenceLabel}, Mbit/s`,
    'of limit',
    ...others.flatMap(([, { label }]) => [`${label}, Mbit/s`, `of ${referenceLabel}`, 'of limit']),
  ];
  const rows = documents.map(({ parameters: values, arms }) => {
    const goodput = (id: string): number | undefined => arms[id]?.metrics[metric];
    const ofLimit = (id: string): string => share(goodput(id), arms[id]?.limit_bps);
    return [
      ...parameters.map((name) => String(values[name])),
      mbit(goodput(referenceId)),
      ofLimit(referenceId),
      ...others.flatMap(([id]) => [mbit(goodput(id)), share(goodput(id), goodput(referenceId)), ofLimit(id)]),
    ];
  });
  return { heads, rows };
}

function mbit(rate: number | undefined): string {
  return rate === undefined ? '-' : (rate / 1e6).toFixed(1);
}

function share(part: number | undefined, whole: number | null | undefined): string {
  return part === undefined || whole === undefined || whole === null || whole === 0
    ? '-'
    : `${((100 * part) / whole).toFixed(1)} %`;
}
