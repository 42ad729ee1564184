/** Sweeps: every combination of the values that `matrix` gives to parameters. Pure. */
import type { Parameters, ParameterValue } from '../../src/document/parameters.js';

/** In the order of the file, the last parameter changing first; one empty combination without a matrix. */
export function combinations(matrix: Readonly<Record<string, readonly ParameterValue[]>>): Parameters[] {
  return Object.entries(matrix).reduce<Parameters[]>(
    (done, [name, values]) => done.flatMap((parameters) => values.map((value) => ({ ...parameters, [name]: value }))),
    [{}],
  );
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
