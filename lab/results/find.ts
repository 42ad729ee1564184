/** Results on disk, found again and read. Whatever else lies there is told, and stops nothing. */
import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { sizeOf } from '../figures/size.js';
import { type ResultDocument, ResultDocumentSchema } from './document.js';

export interface FoundResult {
  readonly directory: string;
  readonly document: ResultDocument;
  /** null: it is missing, or none. */
  readonly figure: Drawing | null;
  readonly topology: Drawing | null;
}

/** An SVG file that draws something. */
export interface Drawing {
  readonly svg: string;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

export interface Unreadable {
  readonly file: string;
  /** One line. */
  readonly reason: string;
}

export interface FoundResults {
  readonly results: readonly FoundResult[];
  readonly unreadable: readonly Unreadable[];
}

const RESULT_FILE = 'result.json';
const FIGURE_FILE = 'figure.svg';
export const TOPOLOGY_FILE = 'topology.svg';
const REASONS_SHOWN = 3;

/** All results in and below the folders, each once. A folder may also be given as its result.json. Rejects never. */
export async function findResults(folders: readonly string[]): Promise<FoundResults> {
  const results = new Map<string, FoundResult>();
  const unreadable = new Map<string, Unreadable>();
  const tell = (file: string, reason: string): void => void unreadable.set(file, { file, reason });
  for (const folder of folders) {
    const start = basename(folder) === RESULT_FILE ? dirname(folder) : folder;
    for (const directory of await foldersOfResults(start, tell)) {
      if (results.has(directory)) continue;
      const result = await readResult(directory, tell);
      if (result !== null) results.set(directory, result);
    }
  }
  return { results: [...results.values()], unreadable: [...unreadable.values()] };
}

type Tell = (file: string, reason: string) => void;

/** Links are not followed: what they lead to lies elsewhere under its own name. Names with a dot are results in the making. */
async function foldersOfResults(directory: string, tell: Tell): Promise<string[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(directory, { withFileTypes: true });
  } catch (error) {
    tell(directory, messageOf(error));
    return [];
  }
  const found: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name);
    if (entry.name === RESULT_FILE) {
      if (entry.isFile()) found.push(directory);
      else tell(path, 'not a regular file');
    } else if (entry.isDirectory() && !entry.name.startsWith('.')) {
      found.push(...(await foldersOfResults(path, tell)));
    }
  }
  return found;
}

async function readResult(directory: string, tell: Tell): Promise<FoundResult | null> {
  const file = join(directory, RESULT_FILE);
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    tell(file, error instanceof SyntaxError ? `not JSON: ${messageOf(error)}` : messageOf(error));
    return null;
  }
  const parsed = ResultDocumentSchema.safeParse(value);
  if (!parsed.success) {
    const reasons = parsed.error.issues.map(({ path, message }) =>
      path.length === 0 ? message : `${path.join('.')}: ${message}`,
    );
    const more = reasons.length > REASONS_SHOWN ? [`and ${reasons.length - REASONS_SHOWN} more`] : [];
    tell(file, `not a result: ${[...reasons.slice(0, REASONS_SHOWN), ...more].join('; ')}`);
    return null;
  }
  return {
    directory,
    document: parsed.data,
    figure: await readDrawing(join(directory, FIGURE_FILE), tell),
    topology: (await isThere(join(directory, TOPOLOGY_FILE)))
      ? await readDrawing(join(directory, TOPOLOGY_FILE), tell)
      : null,
  };
}

async function readDrawing(file: string, tell: Tell): Promise<Drawing | null> {
  try {
    if (!(await stat(file)).isFile()) throw new Error('not a regular file');
    const svg = await readFile(file, 'utf8');
    return { svg, ...sizeOf(svg) };
  } catch (error) {
    tell(file, messageOf(error));
    return null;
  }
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}
