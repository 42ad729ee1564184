/** Several documents read as one: each file lies over those before it. Maps merge, null takes away, all else replaces. */
import type { DocumentProblem } from './error.js';
import { type DocumentPath, type DocumentPositions, pathText } from './positions.js';

/** One file, parsed. */
export interface DocumentSource {
  readonly file: string;
  readonly text: string;
  readonly positions: DocumentPositions;
  readonly value: unknown;
}

export function mergedValue(sources: readonly DocumentSource[]): unknown {
  const [first, ...others] = sources.map(({ value }) => value);
  return others.reduce((below, above) => merge(below, above), first);
}

/** The source that has most of a path; of several the last, since it decides. */
export function sourceOf(sources: readonly DocumentSource[], path: DocumentPath): DocumentSource {
  const depths = sources.map(({ positions }) => positions.depth(path));
  return sources[depths.lastIndexOf(Math.max(...depths))] as DocumentSource;
}

/** A problem at the value of a path, or at its key, in the file that the value comes from. */
export function problemIn(
  sources: readonly DocumentSource[],
  path: DocumentPath,
  message: string,
  at: 'value' | 'key',
): DocumentProblem {
  const { file, positions } = sourceOf(sources, path);
  return { file, ...positions.at(path, at), path: pathText(path), message };
}

/** Whether a value has something at a path. */
export function hasPath(value: unknown, path: DocumentPath): boolean {
  let current = value;
  for (const step of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) return false;
    current = (current as Record<string | number, unknown>)[step];
  }
  return true;
}

function merge(below: unknown, above: unknown): unknown {
  if (!isMap(above)) return above;
  const merged: Record<string, unknown> = isMap(below) ? { ...below } : {};
  for (const [key, value] of Object.entries(above)) {
    if (value === null) delete merged[key];
    else merged[key] = merge(merged[key], value);
  }
  return merged;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
