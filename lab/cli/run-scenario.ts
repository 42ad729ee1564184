/** `mpip-lab run FILE.yaml`: a scenario, its results, figures and summary. */
import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { TopLevelSpec } from 'vega-lite';
import type { ArmUnit, RunObserver } from '../experiment/run-trials.js';
import { runTrials, unitsOf } from '../experiment/run-trials.js';
import type { Trial } from '../experiment/trial.js';
import { boxFigure } from '../figures/box.js';
import { scenarioFigure } from '../figures/scenario.js';
import { sweepFigure } from '../figures/sweep.js';
import { topologyDrawing } from '../figures/topology-drawing.js';
import type { BackendName } from '../lab.js';
import { metricsOf } from '../measure/measures.js';
import { combinationFolder } from '../results/combination.js';
import type { ResultDocument } from '../results/document.js';
import { TOPOLOGY_FILE } from '../results/find.js';
import { type MarkdownPart, markdownSummary } from '../results/markdown.js';
import { folderName, storeIn } from '../results/store.js';
import { summarizeCombinations, summarizeMetrics } from '../results/summary.js';
import { readScenario } from '../scenario/read.js';
import type { Scenario } from '../scenario/scenario.js';
import { trialsOf } from '../scenario/trials.js';
import { headlinesOf } from '../workloads/kinds.js';
import { logProgress } from './run-progress.js';

export interface ScenarioFlags {
  readonly duration?: number;
  readonly short?: true;
  readonly arms?: string[];
  readonly repeat?: number;
  readonly jobs: number;
  readonly backend?: BackendName;
  readonly json?: true;
  readonly output: string;
}

/** A scenario that can be run. */
export interface ReadyScenario {
  readonly scenario: Scenario;
  readonly trials: readonly Trial[];
}

export function isScenarioFile(word: string): boolean {
  return /\.ya?ml$/.test(word);
}

/** Throws DocumentError, LabError. */
export async function prepareScenario(file: string, flags: ScenarioFlags): Promise<ReadyScenario> {
  const scenario = await readScenario(file);
  const duration = flags.duration ?? (flags.short ? 'short' : undefined);
  const trials = trialsOf(scenario, {
    ...(duration !== undefined && { duration }),
    ...(flags.arms !== undefined && { arms: flags.arms }),
    ...(flags.repeat !== undefined && { repeat: flags.repeat }),
  });
  return { scenario, trials };
}

/** Documents in the order of the combinations. Each is on disk as soon as it is complete, and told then. */
export async function runScenario(
  { scenario, trials }: ReadyScenario,
  flags: ScenarioFlags,
  signal: AbortSignal,
  onResult: (document: ResultDocument, directory: string) => void,
): Promise<ResultDocument[]> {
  const parent = join(flags.output, scenario.name);
  const whole = join(parent, folderName(new Date().toISOString()));
  const sweep = trials.length > 1;
  const parts = new Map<Trial, MarkdownPart>();
  const { workloads } = trials[0]!;
  const { renderFigure } = await import('../figures/render.js');
  const show = await display(scenario, trials, flags);
  let directory = whole;
  const run = runTrials(trials, {
    jobs: flags.jobs,
    signal,
    ...(flags.backend === undefined ? {} : { backend: flags.backend }),
    observe: show.observe,
    onDocument: async (trial, document, files) => {
      const figure = await renderFigure(scenarioFigure(document, scenario.figure));
      const drawing = { ...files, [TOPOLOGY_FILE]: topologyDrawing(trial.plan) };
      const names = [...headlinesOf(workloads), ...trial.measures.flatMap(metricsOf)];
      show.print(`\n${summarizeMetrics(document, names)}\n`);
      if (!sweep) {
        const summary = markdownSummary(scenario.title, [{ document, folder: '' }], workloads);
        const all = { ...drawing, 'summary.md': summary };
        ({ directory } = await storeIn(parent, folderName(document.started), document, figure, all));
        onResult(document, directory);
        return;
      }
      const stored = await storeIn(whole, combinationFolder(trial.combination), document, figure, drawing);
      onResult(document, stored.directory);
      parts.set(trial, { document, folder: relative(whole, stored.directory) });
    },
  });
  const documents = await show.until(run);
  if (sweep) {
    const ordered = trials.map((trial) => parts.get(trial)!);
    if (scenario.overview !== null) {
      const { svg, png } = await renderFigure(overviewFigure(scenario.overview, documents));
      await Promise.all([writeFile(join(whole, 'figure.svg'), svg), writeFile(join(whole, 'figure.png'), png)]);
    }
    await writeFile(
      join(whole, 'summary.md'),
      markdownSummary(scenario.title, ordered, workloads, scenario.overview !== null),
    );
  }
  if (!flags.json) {
    const comparison = summarizeCombinations(documents, headlinesOf(workloads));
    if (comparison !== '') process.stdout.write(`\n${comparison}\n`);
    const shown = relative(process.cwd(), directory);
    process.stdout.write(`Results: ${join(shown.startsWith('..') ? directory : shown, 'summary.md')}\n`);
  }
  return documents;
}

/** More rows than this do not fit a terminal. */
const ROWS_MAX = 30;

interface Display {
  readonly observe: (unit: ArmUnit) => RunObserver;
  /** On standard output, behind the tasks that are shown there. */
  print(text: string): void;
  /** Resolves and rejects as the run, when the display is finished. */
  until<T>(run: Promise<T>): Promise<T>;
}

/** Tasks on a terminal that has room for them; else log lines, each with what it is about: labs may run side by side. */
async function display(scenario: Scenario, trials: readonly Trial[], flags: ScenarioFlags): Promise<Display> {
  const duration = (trial: Trial): number => trial.duration ?? Number.POSITIVE_INFINITY;
  const print = (text: string): void => void (flags.json || process.stdout.write(text));
  const units = unitsOf(trials);
  if (process.stdout.isTTY !== true || flags.json || units.length > ROWS_MAX) {
    const observe = (unit: ArmUnit): RunObserver => {
      const title = `${scenario.name}${titleOf(unit, trials, ': ')}`;
      return logProgress(title, duration(unit.trial)).observerOf('');
    };
    return { observe, print, until: (run) => run };
  }
  const key = (unit: ArmUnit): string => `${trials.indexOf(unit.trial)} ${unit.arm.id} ${unit.repetition}`;
  const rows = units.map((unit) => ({ key: key(unit), title: titleOf(unit, trials), duration: duration(unit.trial) }));
  const { taskProgress } = await import('./run-tasks.js');
  const progress = taskProgress(`${scenario.name}: ${scenario.title}`, rows, flags.jobs);
  const printed: string[] = [];
  return {
    observe: (unit) => progress.observerOf(key(unit)),
    print: (text) => void printed.push(text),
    until: async (run) => {
      try {
        const result = await run;
        await progress.done();
        return result;
      } catch (error) {
        await progress.fail(error);
        throw error;
      } finally {
        for (const text of printed) print(text);
      }
    },
  };
}

/** "MPIP, 2 of 5", with its parameters in a sweep. */
function titleOf({ trial, arm, repetition }: ArmUnit, trials: readonly Trial[], separator = ''): string {
  const parameters = trials.length > 1 ? ` (${trial.combination})` : '';
  const of = trial.repeat === 1 ? '' : `, ${repetition + 1} of ${trial.repeat}`;
  return separator === '' ? `${arm.label}${of}${parameters}` : `${parameters}${separator}${arm.label}${of}`;
}

function overviewFigure(
  overview: NonNullable<Scenario['overview']>,
  documents: readonly ResultDocument[],
): TopLevelSpec {
  return overview.type === 'box' ? boxFigure(documents, overview) : sweepFigure(documents, overview);
}
