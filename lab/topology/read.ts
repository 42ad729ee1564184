import { dirname, relative, resolve } from 'node:path';
import type { DocumentSource } from '../../src/document/compose.js';
import { openSources, parseSource, readText } from '../../src/document/document.js';
import { DocumentError, type DocumentProblem } from '../../src/document/error.js';
import { checkTopology } from './check.js';
import { topologySchema } from './schema.js';
import type { Topology } from './topology.js';

/**
 * Reads a topology file, or several as one: each lies over those before it, and over what it `extends`. Maps merge, null takes
 * away, all else replaces. Throws DocumentError: every problem with file, line and column.
 */
export async function readTopology(...files: [string, ...string[]]): Promise<Topology> {
  const sources: DocumentSource[] = [];
  for (const file of files) sources.push(...(await readWithBase(file, [])));
  return checkSources(sources);
}

/** `file` is only a name for messages, and what `extends` is relative to is not known. Throws DocumentError. */
export function parseTopology(text: string, file: string): Topology {
  const source = parseSource(text, file);
  const base = baseOf(source);
  if (base !== undefined) throw refusal(source, `${JSON.stringify(base)} cannot be read here: this text is no file`);
  return checkSources([source]);
}

function checkSources(sources: readonly DocumentSource[]): Topology {
  const document = openSources(topologySchema, sources);
  const problems: DocumentProblem[] = [];
  const topology = checkTopology(document.value, (path, message, at) => {
    problems.push(document.problemAt(path, message, at));
  });
  document.reject(problems);
  return topology;
}

/** A file after those that it extends. `chain` are the files that extend it, outermost first. */
async function readWithBase(file: string, chain: readonly string[]): Promise<DocumentSource[]> {
  const source = parseSource(await readText(file), file);
  const base = baseOf(source);
  if (base === undefined) return [source];
  const files = [...chain, resolve(file)];
  const path = resolve(dirname(file), base);
  if (files.includes(path)) throw refusal(source, `${JSON.stringify(base)} extends this file already`);
  try {
    return [...(await readWithBase(relative('', path), files)), source];
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
