/** Sweeps: every combination of the values that `matrix` gives to parameters. Pure. */
import type { Parameters, ParameterValue } from '../../src/document/parameters.js';
import { parameterText } from '../results/combination.js';

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

/** What tells combinations apart: as few of the first parameters of each as will do. */
export function distinguishing(all: readonly Parameters[]): Parameters[] {
  const names = Object.keys(all[0] ?? {});
  const first = (parameters: Parameters, count: number): Parameters =>
    Object.fromEntries(names.slice(0, count).map((name) => [name, parameters[name] ?? '']));
  const counts = Array.from(names, (_, i) => i + 1);
  const enough = counts.find(
    (count) => new Set(all.map((one) => parameterText(first(one, count)))).size === all.length,
  );
  return all.map((one) => first(one, enough ?? names.length));
}
