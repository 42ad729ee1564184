/** Results put in the order that a reader looks for them: by experiment, the newest run first. */
import { basename, dirname } from 'node:path';
import { combinationFolder, combinationOf } from '../results/combination.js';
import type { FoundResult } from '../results/find.js';

export interface ExperimentRuns {
  readonly name: string;
  /** Newest first. */
  readonly runs: readonly Run[];
}

export interface Run {
  /** UTC. */
  readonly started: string;
  readonly directory: string;
  /** One; of a sweep, each combination of parameters. */
  readonly parts: readonly FoundResult[];
}

const ORDER = new Intl.Collator('en', { numeric: true });

/** Figures of the paper first, then all else by name. */
export function byExperiment(results: readonly FoundResult[]): ExperimentRuns[] {
  const groups = grouped(results, ({ document }) => document.experiment);
  return [...groups]
    .map(([name, own]) => ({ name, runs: runsOf(own) }))
    .sort((a, b) => Number(isOurs(a)) - Number(isOurs(b)) || ORDER.compare(a.name, b.name));
}

function runsOf(results: readonly FoundResult[]): Run[] {
  return [...grouped(results, runDirectory)]
    .map(([directory, parts]) => ({
      directory,
      parts: [...parts].sort((a, b) => ORDER.compare(a.directory, b.directory)),
      started: parts.map(({ document }) => document.started).sort(byTime)[0]!,
    }))
    .sort((a, b) => byTime(b.started, a.started) || ORDER.compare(b.directory, a.directory));
}

/** Beyond the paper. */
function isOurs({ runs }: ExperimentRuns): boolean {
  return runs[0]!.parts[0]!.document.paper === null;
}

/** The results of a sweep have folders of their own, named by their parameters, in that of the run. */
function runDirectory({ directory, document }: FoundResult): string {
  const name = combinationFolder(combinationOf(document));
  const own = basename(directory).replace(/-\d+$/, '');
  const isPart = name !== '' && (basename(directory) === name || own === name);
  return isPart ? dirname(directory) : directory;
}

function byTime(a: string, b: string): number {
  return Date.parse(a) - Date.parse(b);
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
