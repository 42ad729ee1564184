/** `mpip-lab report`: results as one HTML page. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Command } from 'commander';
import { LabError } from '../error.js';
import { printable } from '../report/html.js';
import { REPORT_FILE, writeReport } from '../report/write.js';
import { type FoundResults, findResults } from '../results/find.js';

interface ReportFlags {
  readonly results: string;
  readonly output?: string;
}

export function registerReport(program: Command): void {
  program
    .command('report')
    .description('results as one HTML page with figures and claims, which needs no network')
    .argument('[name...]', 'experiments and scenarios by name, or folders of results; default: all results')
    .option('--results <directory>', 'where `run` has put results', 'results')
    .option('-o, --output <file>', `default: ${REPORT_FILE} in that directory`)
    .action(async (names: string[], flags: ReportFlags) => {
      const { file, found } = await makeReport(names, flags);
      tellUnreadable(found);
      process.stdout.write(`Report: ${file}\n`);
    });
}

interface MadeReport {
  readonly file: string;
  readonly found: FoundResults;
}

/** Throws LabError E_LAB_RESULTS when there is nothing to report on. */
export async function makeReport(names: readonly string[], flags: ReportFlags): Promise<MadeReport> {
  const { results: root, output = join(root, REPORT_FILE) } = flags;
  const folders: string[] = [];
  for (const name of names) folders.push(await folderOf(name, root));
  if (folders.length === 0 && !existsSync(root)) throw new LabError('E_LAB_RESULTS', `there is no folder ${root}`);
  const found = await findResults(folders.length === 0 ? [root] : folders);
  if (found.results.length + found.unreadable.length === 0) {
    throw new LabError('E_LAB_RESULTS', `no results in ${(folders.length === 0 ? [root] : folders).join(', ')}`);
  }
  await writeReport(found, output, root);
  return { file: output, found };
}

/** Writes the report of one run, and says where it is: of results in these folders below `root`. */
export async function reportRun(folders: readonly string[], root: string): Promise<string> {
  const found = await findResults(folders);
  const file = join(root, REPORT_FILE);
  await writeReport(found, file, root);
  tellUnreadable(found);
  const shown = relative(process.cwd(), file);
  return shown.startsWith('..') ? file : shown;
}

function tellUnreadable({ unreadable }: FoundResults): void {
  for (const { file, reason } of unreadable) process.stderr.write(`not read: ${printable(`${file}: ${reason}`)}\n`);
}

/** Throws LabError E_LAB_RESULTS that tells what there is. */
async function folderOf(name: string, root: string): Promise<string> {
  const known = existsSync(root) ? await readdir(root, { withFileTypes: true }) : [];
  const experiments = known.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  if (experiments.some((entry) => entry.name === name)) return join(root, name);
  if (existsSync(name)) return name;
  const have = experiments.length === 0 ? 'nothing' : experiments.map((entry) => entry.name).join(', ');
  throw new LabError('E_LAB_RESULTS', `no results of ${name} in ${root}, which has ${have}`);
}
