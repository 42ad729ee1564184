/** The report as a file. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative } from 'node:path';
import type { FoundResults } from '../results/find.js';
import { reportPage } from './page.js';

export const REPORT_FILE = 'report.html';

/**
 * Writes the page over an older one; whoever reads meanwhile sees one or the other. `root`: the folder of results, which names on the page
 * are relative to. Throws node:fs errors.
 */
export async function writeReport(found: FoundResults, file: string, root: string): Promise<void> {
  const nameOf = (path: string): string => {
    const name = relative(root, path);
    return name === '' || name.startsWith('..') || isAbsolute(name) ? path : name;
  };
  const page = reportPage(found, { made: new Date(), nameOf });
  await mkdir(dirname(file), { recursive: true });
  const partial = join(dirname(file), `.${basename(file)}.${process.pid}`);
  try {
    await writeFile(partial, page);
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
