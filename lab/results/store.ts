/** Results on disk: `<root>/<experiment>/<time>/` with result.json, figure.svg and figure.png, and what else the run has drawn. */
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ResultDocument, ResultDocumentSchema } from './document.js';

export interface Figure {
  readonly svg: string;
  readonly png: Uint8Array;
}

export interface StoredResult {
  readonly directory: string;
  readonly json: string;
  readonly svg: string;
  readonly png: string;
}

/**
 * Writes a result; the folder's name is the time of the run, so runs sort by name. The folder appears whole or not at all: it is
 * filled under another name first. Throws ZodError when the document breaks its own schema, otherwise node:fs errors.
 */
export async function storeResult(
  root: string,
  document: ResultDocument,
  figure: Figure,
  others: Readonly<Record<string, string>> = {},
): Promise<StoredResult> {
  const parent = join(root, document.experiment);
  return storeIn(parent, folderName(document.started), document, figure, others);
}

/** The same into a folder of this name, or with -2, -3 and so on behind it; `others`: more files, by name. */
export async function storeIn(
  parent: string,
  name: string,
  document: ResultDocument,
  figure: Figure,
  others: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<StoredResult> {
  const checked = ResultDocumentSchema.parse(document);
  await mkdir(parent, { recursive: true });
  const partial = await mkdtemp(join(parent, '.partial-'));
  try {
    await Promise.all([
      writeFile(join(partial, 'result.json'), `${JSON.stringify(checked, null, 2)}\n`),
      writeFile(join(partial, 'figure.svg'), figure.svg),
      writeFile(join(partial, 'figure.png'), figure.png),
      ...Object.entries(others).map(([file, content]) => writeFile(join(partial, file), content)),
      chmod(partial, 0o755),
    ]);
    const directory = await nameIt(partial, join(parent, name));
    return {
      directory,
      json: join(directory, 'result.json'),
      svg: join(directory, 'figure.svg'),
      png: join(directory, 'figure.png'),
    };
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

/** "2026-11-24T062000Z": no colons, which some file systems and tools refuse. */
export function folderName(started: string): string {
  return started.replaceAll(':', '').replace(/\.\d+/, '');
}

/** Renames a folder; runs that started in the same second get -2, -3 and so on. */
async function nameIt(partial: string, wanted: string): Promise<string> {
  for (let n = 1; ; n++) {
    const directory = n === 1 ? wanted : `${wanted}-${n}`;
    try {
      await rename(partial, directory);
      return directory;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    }
  }
}
