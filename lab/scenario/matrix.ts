/** Sweeps: every combination of the values that `matrix` gives to parameters. Pure. */
import type { Parameters, ParameterValue } from '../../src/document/parameters.js';

/** Values of each parameter, or the combinations themselves. */
export type Matrix = Readonly<Record<string, readonly ParameterValue[]>> | readonly Parameters[];

/** What parameters must be: one of these values each. */
export type Only = Readonly<Record<string, ParameterValue | readonly ParameterValue[]>>;

/** In the order of the file, the last parameter changing first; one empty combination without a matrix. */
export function combinations(matrix: Matrix): Parameters[] {
  if (isList(matrix)) return [...matrix];
  return Object.entries(matrix).reduce<Parameters[]>(
    (done, [name, values]) => done.flatMap((parameters) => values.map((value) => ({ ...parameters, [name]: value }))),
    [{}],
  );
}

function isList(matrix: Matrix): matrix is readonly Parameters[] {
  return Array.isArray(matrix);
}

export function isFor(only: Only | undefined, parameters: Parameters): boolean {
  return Object.entries(only ?? {}).every(([name, values]) => [values].flat().includes(parameters[name] ?? ''));
}

/** "rate=10mbit, loss=1%". */
export function combinationText(parameters: Parameters): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}

/** The same as a name of a folder; different combinations may come to the same one. */
export function combinationFolder(parameters: Parameters): string {
  return combinationText(parameters)
    .replaceAll(', ', '_')
    .replace(/[^\w.=%+-]+/g, '-')
    .slice(0, 100);
}
