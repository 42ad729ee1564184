import { dirname, relative, resolve } from 'node:path';
import type { DocumentSource } from '../../src/document/compose.js';
import { openSources, parseSource, readText } from '../../src/document/document.js';
import { DocumentError, type DocumentProblem } from '../../src/document/error.js';
import type { Parameters } from '../../src/document/parameters.js';
import { checkTopology } from './check.js';
import { topologySchema } from './schema.js';
import type { Topology } from './topology.js';
import { findTraces } from './trace-paths.js';
import { traceProblem } from './traces.js';

/**
 * Reads a topology file, or several as one: each lies over those before it, and over what it `extends`. Maps merge, null takes
 * away, all else replaces. `parameters` are those of a scenario's matrix. Looks at the traces that are named, too.
 * Throws DocumentError: every problem with file, line and column.
 */
export async function readTopology(
  files: string | readonly [string, ...string[]],
  parameters?: Parameters,
): Promise<Topology> {
  const sources: DocumentSource[] = [];
  for (const file of typeof files === 'string' ? [files] : files) {
    sources.push(...(await readWithBase(file, [], parameters)));
  }
  return checkSources(sources, true);
}

/**
 * `file` is only a name for messages, and what paths of traces are relative to; what `extends` is relative to is not known.
 * Throws DocumentError.
 */
export function parseTopology(text: string, file: string, parameters?: Parameters): Topology {
  const source = parseSource(text, file, parameters);
  const base = baseOf(source);
  if (base !== undefined) throw refusal(source, `${JSON.stringify(base)} cannot be read here: this text is no file`);
  return checkSources([source], false);
}

function checkSources(sources: readonly DocumentSource[], withTraces: boolean): Topology {
  const document = openSources(topologySchema, sources);
  const { value, traces } = findTraces(document.value, document.fileOf);
  const problems: DocumentProblem[] = [];
  const topology = checkTopology(value, (path, message, at) => {
    problems.push(document.problemAt(path, message, at));
  });
  document.reject(problems);
  for (const { path, file } of withTraces ? traces : []) {
    const problem = traceProblem(file);
    if (problem !== null) problems.push(document.problemAt(path, problem));
  }
  document.reject(problems);
  return topology;
}

/** A file after those that it extends. `chain` are the files that extend it, outermost first. */
async function readWithBase(
  file: string,
  chain: readonly string[],
  parameters: Parameters | undefined,
): Promise<DocumentSource[]> {
  const source = parseSource(await readText(file), file, parameters);
  const base = baseOf(source);
  if (base === undefined) return [source];
  const files = [...chain, resolve(file)];
  const path = resolve(dirname(file), base);
  if (files.includes(path)) throw refusal(source, `${JSON.stringify(base)} extends this file already`);
  try {
    return [...(await readWithBase(relative('', path), files, parameters)), source];
  } catch (error) {
    // The base itself cannot be read: that is this file's mistake.
    if (!(error instanceof DocumentError) || error.cause === undefined) throw error;
    throw refusal(source, `${JSON.stringify(base)} ${error.problems[0]?.message}`);
  }
}

/** What a file extends; of another kind than text, the grammar has its say later. */
function baseOf({ value }: DocumentSource): string | undefined {
  const base = (value as { extends?: unknown } | null)?.extends;
  return typeof base === 'string' ? base : undefined;
}

function refusal({ file, text, positions }: DocumentSource, message: string): DocumentError {
  return new DocumentError([{ file, ...positions.at(['extends']), path: 'extends', message }], text);
}
