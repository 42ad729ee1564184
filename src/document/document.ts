/**
 * YAML documents that are checked before they are used: every problem names its place, what is wrong and what is allowed.
 * Maps must be `z.strictObject`, so that unknown keys are found.
 */
import { readFile } from 'node:fs/promises';
import { type Document, isScalar, LineCounter, parseDocument as parseYaml, visit, type YAMLError } from 'yaml';
import type { z } from 'zod';
import { type DocumentSource, hasPath, mergedValue, problemIn, sourceOf } from './compose.js';
import { DocumentError, type DocumentProblem } from './error.js';
import { explainer } from './explain.js';
import { type Parameters, substitute } from './parameters.js';
import { type DocumentPath, DocumentPositions, keyText, pathText } from './positions.js';

/** Far above any document that people write, and small enough to be parsed at once. */
const MAX_BYTES = 4 << 20;

/** A document that fits its schema, ready for the checks that a schema cannot make (a link to an unknown node). */
export interface OpenDocument<T> {
  readonly file: string;
  readonly value: T;
  /**
   * A problem at the value of a path, or at its key; at the innermost existing parent where the path is missing.
   * Nothing is thrown: collect the problems and hand them to `reject`.
   */
  problemAt(path: DocumentPath, message: string, at?: 'value' | 'key'): DocumentProblem;
  /** The file that the value of a path comes from. */
  fileOf(path: DocumentPath): string;
  /** Throws DocumentError when there are problems. */
  reject(problems: readonly DocumentProblem[]): void;
}

/** Parses and checks a document. `file` is only a name for messages. An empty document is an empty map. Throws DocumentError. */
export function parseDocument<T>(schema: z.ZodType<T>, text: string, file: string): T {
  return openDocument(schema, text, file).value;
}

/** Reads and checks a file. Throws DocumentError, also when the file cannot be read. */
export async function readDocument<T>(schema: z.ZodType<T>, file: string): Promise<T> {
  return parseDocument(schema, await readText(file), file);
}

/**
 * Like parseDocument, for callers that check more than a schema can. With `parameters`, `${name}` in the document stands for their values
 * (parameters.ts); places are those of the file all the same. Throws DocumentError.
 */
export function openDocument<T>(
  schema: z.ZodType<T>,
  text: string,
  file: string,
  parameters?: Parameters,
): OpenDocument<T> {
  return openSources(schema, [parseSource(text, file, parameters)]);
}

/** The syntax of one file, its parameters filled in. An empty document is an empty map. Throws DocumentError. */
export function parseSource(text: string, file: string, parameters?: Parameters): DocumentSource {
  const lines = new LineCounter();
  const yaml = parseYaml(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false, strict: true });
  const positions = new DocumentPositions(yaml, text, lines);
  const reject = (problems: readonly DocumentProblem[]): void => {
    if (problems.length > 0) throw new DocumentError(problems, text);
  };

  // What follows from a syntax error is noise, so only the first is shown.
  const syntax = [...yaml.errors, ...yaml.warnings].sort((a, b) => a.pos[0] - b.pos[0])[0];
  if (syntax) {
    const place = positions.atOffset(...visible(text, syntax.pos));
    reject([{ file, ...place, path: '', message: syntaxMessage(syntax, text) }]);
  }
  reject(structureProblems(yaml, positions, file));
  const { value, unknown } = fill(toValue(yaml, text, file), parameters);
  reject(unknown.map(({ path, at, message }) => ({ file, ...positions.at(path, at), path: pathText(path), message })));
  return { file, text, positions, value };
}

/** Checks files as one document, each over those before it; a problem is told of the file that decides. Throws DocumentError. */
export function openSources<T>(schema: z.ZodType<T>, sources: readonly DocumentSource[]): OpenDocument<T> {
  const texts = new Map(sources.map(({ file, text }) => [file, text]));
  const value = mergedValue(sources);
  const explain = explainer();
  const result = schema.safeParse(value, { error: explain.errorMap, reportInput: true });
  if (!result.success) {
    const problems = explain.findings(result.error.issues).map(({ path, at, message }) => {
      const told = hasPath(value, path) ? message : `is missing; ${message}`;
      return problemIn(sources, path, told, at);
    });
    throw new DocumentError(problems, texts);
  }

  return {
    file: sources.map(({ file }) => file).join(', '),
    value: result.data as T,
    fileOf: (path) => sourceOf(sources, path).file,
    problemAt: (path, message, at = 'value') => problemIn(sources, path, message, at),
    reject: (problems) => {
      if (problems.length > 0) throw new DocumentError(problems, texts);
    },
  };
}

/** The text of a UTF-8 file. Throws DocumentError when it cannot be read. */
export async function readText(file: string): Promise<string> {
  const fail = (message: string, cause?: unknown): never => {
    throw new DocumentError([{ file, line: 1, column: 1, length: 1, path: '', message }], '', { cause });
  };
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = { ENOENT: 'no such file', EISDIR: 'is a directory', EACCES: 'may not be read' }[code ?? ''];
    return fail(why ?? `cannot be read: ${(error as Error).message}`, error);
  }
  if (bytes.length > MAX_BYTES) return fail(`is too long: ${bytes.length} bytes; at most ${MAX_BYTES}`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    return fail('is not UTF-8 text', error);
  }
}

/** Duplicate keys, aliases of nothing, and keys that are not words: found by hand for messages that name both places. */
function structureProblems(yaml: Document.Parsed, positions: DocumentPositions, file: string): DocumentProblem[] {
  const problems: DocumentProblem[] = [];
  const report = (range: readonly number[] | null | undefined, message: string): void => {
    const [start = 0, end = start] = range ?? [];
    problems.push({ file, ...positions.atOffset(start, end), path: '', message });
  };
  visit(yaml, {
    Alias: (_, alias) => {
      if (!alias.resolve(yaml)) report(alias.range, `*${alias.source} names no anchor above it`);
    },
    Map: (_, map) => {
      const seen = new Map<string, number>();
      for (const pair of map.items) {
        const key = pair.key as { range?: readonly number[] } | null;
        if (!isScalar(pair.key)) report(key?.range, 'a key must be a single word or a quoted text');
        else if (pair.key.value === null) report(key?.range, 'a key is missing or null');
        const text = keyText(pair);
        const first = seen.get(text);
        if (first !== undefined) {
          report(key?.range, `duplicate key ${JSON.stringify(text)}; it already stands in line ${first}`);
        } else seen.set(text, positions.atOffset(key?.range?.[0] ?? 0, 0).line);
      }
    },
  });
  return problems;
}

function fill(value: unknown, parameters: Parameters | undefined): ReturnType<typeof substitute> {
  return parameters === undefined ? { value, unknown: [] } : substitute(value, parameters);
}

/** What is missing at an empty line is missed after the last text before it. */
function visible(text: string, [start, end]: readonly [number, number]): [number, number] {
  if ((/^[^\r\n]*/.exec(text.slice(start)) as RegExpExecArray)[0].trim() !== '') return [start, end];
  const last = text.slice(0, start).trimEnd().length;
  return [last, last];
}

function toValue(yaml: Document.Parsed, text: string, file: string): unknown {
  if (yaml.contents === null || (isScalar(yaml.contents) && yaml.contents.value === null)) return {};
  try {
    return yaml.toJS();
  } catch (error) {
    const message = 'its aliases (*name) repeat too much';
    throw new DocumentError([{ file, line: 1, column: 1, length: 1, path: '', message }], text, { cause: error });
  }
}

function syntaxMessage(error: YAMLError, text: string): string {
  const [at] = error.pos;
  if (text[at] === '{' && text[at - 1] === '$')
    return `a parameter inside { } or [ ]; quote the value, such as "\${name}"`;
  const message = error.message.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return 'a tab is used as indentation; use spaces';
    case 'BAD_INDENT':
      return `wrong indentation: ${message}`;
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'a second ":" in one line; quote a value that contains ": "';
    case 'BAD_SCALAR_START':
      return `${message}; quote the value`;
    case 'MULTIPLE_DOCS':
      return 'a second document starts here; one file holds one document';
    case 'TAG_RESOLVE_FAILED':
      return `${message}; tags are not used here`;
    case 'RESOURCE_EXHAUSTION':
      return 'is nested too deeply';
    case 'MISSING_CHAR':
      return message.replace(/^missing closing (.)quote$/, 'a text that starts with $1 does not end');
    default:
      return message;
  }
}
