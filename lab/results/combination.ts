import type { ResultDocument } from './document.js';

/** What was measured here: "rate=10mbit, flows=4"; '' where there is nothing to tell. */
export function combinationOf({ combination, parameters }: ResultDocument): string {
  return combination ?? parameterText(parameters);
}

/** "rate=10mbit, flows=4". */
export function parameterText(parameters: ResultDocument['parameters']): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}

/** The same as a name of a folder; different combinations may come to the same one. */
export function combinationFolder(combination: string): string {
  return combination
    .replaceAll(', ', '_')
    .replace(/[^\w.=%+-]+/g, '-')
    .slice(0, 100);
}
