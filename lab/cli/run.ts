/** `mpip-lab run`: experiments and scenarios, their claims and figures. */
import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError } from 'commander';
import { EXPERIMENTS, GROUPS, SCENARIOS, STUDIES } from '../../experiments/index.js';
import { duration as durationText } from '../../src/document/quantity.js';
import { LabError } from '../error.js';
import type { Arm, Experiment } from '../experiment/experiment.js';
import { runExperiment, selectArms } from '../experiment/run.js';
import type { Study } from '../experiment/study.js';
import { trialOf } from '../experiment/trial.js';
import { topologyDrawing } from '../figures/topology-drawing.js';
import type { BackendName, Plan } from '../lab.js';
import type { ResultDocument } from '../results/document.js';
import { TOPOLOGY_FILE } from '../results/find.js';
import { junitXml } from '../results/junit.js';
import { type StoredResult, storeResult } from '../results/store.js';
import { summarize, summarizeClaims, summarizeMetrics, summarizeRepeats } from '../results/summary.js';
import { backendOption } from './backend-option.js';
import { EXIT_FAILED } from './exit-status.js';
import { reportRun } from './report.js';
import { logProgress, type Progress } from './run-progress.js';
import { isScenarioFile, prepareScenario, type ReadyScenario, runScenario } from './run-scenario.js';
import { interruptible } from './signals.js';

interface RunFlags {
  readonly duration?: number;
  readonly short?: true;
  readonly arms?: string[];
  readonly repeat?: number;
  readonly jobs: number;
  readonly backend?: BackendName;
  readonly junit?: string;
  readonly json?: true;
  readonly output: string;
}

const IDS = [...[...EXPERIMENTS, ...STUDIES].map(({ id }) => id), ...Object.keys(SCENARIOS)];

export function registerRun(program: Command): void {
  program
    .command('run')
    .description('run experiments and scenarios, check their claims and draw their figures')
    .argument(
      '<id...>',
      `experiments: ${IDS.join(', ')}; several: ${Object.keys(GROUPS).join(', ')}; or scenario files (.yaml)`,
    )
    .option('--duration <time>', 'length of each arm, such as 20s; default: as in the paper or the file', parseDuration)
    .option('--short', 'the short form of each experiment')
    .option('--arms <list>', 'run these arms only, such as ip,mpip', (list: string) => list.split(',').filter(Boolean))
    .addOption(backendOption())
    .option('--repeat <n>', 'run everything n times; default: as the file says, else once', parseCount)
    .option('--jobs <n>', 'labs side by side; they share the processors', parseCount, 1)
    .option('--junit <file>', 'write the claims as JUnit XML')
    .option('--json', 'print the result document, and nothing else, on stdout (an array when there are several)')
    .option('--output <directory>', 'where results go', 'results')
    .action((ids: string[], flags: RunFlags) => run(ids, flags));
}

async function run(words: readonly string[], flags: RunFlags): Promise<void> {
  // Before the first lab comes up: a mistake in one must not end a long run in its middle.
  const wanted: (Experiment | Study | ReadyScenario)[] = [];
  for (const word of words.flatMap((name) => GROUPS[name] ?? [name])) {
    const file = isScenarioFile(word) ? word : scenarioFile(word);
    wanted.push(file === undefined ? find(word) : await prepareScenario(file, flags));
  }
  for (const each of wanted) if (!('trials' in each)) selectArms(each, flags.arms);

  const documents: ResultDocument[] = [];
  const folders: string[] = [];
  const take = (document: ResultDocument, directory: string): void => {
    documents.push(document);
    folders.push(directory);
  };
  try {
    await interruptible(async (signal) => {
      for (const each of wanted) {
        if ('trials' in each) await runScenario(each, flags, signal, take);
        else await runRepeats(each, flags, signal, take);
      }
    });
  } catch (error) {
    const failed = { name: words.join(' '), error: error instanceof Error ? error : new Error(String(error)) };
    if (flags.junit !== undefined) await writeFile(flags.junit, junitXml(documents, failed));
    if (folders.length > 0) await reportRun(folders, flags.output);
    throw error;
  }
  if (flags.junit !== undefined) await writeFile(flags.junit, junitXml(documents));
  const report = await reportRun(folders, flags.output);
  if (wanted.length > 1 && !flags.json) process.stdout.write(`${summarizeClaims(documents)}\n`);
  if (!flags.json) process.stdout.write(`Report: ${report}\n`);
  if (flags.json)
    process.stdout.write(`${JSON.stringify(documents.length === 1 ? documents[0] : documents, null, 2)}\n`);
  if (documents.some(({ claims }) => claims.some(({ pass }) => !pass))) process.exitCode = EXIT_FAILED;
}

async function runRepeats(
  experiment: Experiment | Study,
  flags: RunFlags,
  signal: AbortSignal,
  take: (document: ResultDocument, directory: string) => void,
): Promise<void> {
  const { repeat = 1 } = flags;
  const repeats: ResultDocument[] = [];
  for (let i = 1; i <= repeat; i++) {
    const of = repeat === 1 ? '' : ` (${i} of ${repeat})`;
    const { document, directory } = await runOne(experiment, of, flags, signal);
    repeats.push(document);
    take(document, directory);
  }
  if (repeats.length > 1 && !flags.json) process.stdout.write(`${summarizeRepeats(repeats)}\n`);
}

async function runOne(
  experiment: Experiment | Study,
  of: string,
  flags: RunFlags,
  signal: AbortSignal,
): Promise<{ document: ResultDocument; directory: string }> {
  const duration = flags.duration ?? (flags.short ? experiment.durations.short : experiment.durations.full);
  const short = 'run' in experiment && flags.short ? experiment.shortArms : undefined;
  const arms = selectArms(experiment, flags.arms ?? short);
  const title = `${experiment.id}${of}: ${experiment.title}, ${duration} s each`;
  const interactive = process.stdout.isTTY === true && !flags.json;
  const rows = arms.map(({ id, label }) => ({ key: id, title: label, duration }));
  const progress: Progress = interactive
    ? (await import('./run-tasks.js')).taskProgress(title, rows, flags.jobs)
    : logProgress(title, duration);
  let document: ResultDocument;
  try {
    const options = {
      duration,
      signal,
      observe: ({ arm }: { arm: Arm }) => progress.observerOf(arm.id),
      arms: arms.map(({ id }) => id),
      ...(flags.backend === undefined ? {} : { backend: flags.backend }),
    };
    if ('run' in experiment) document = await experiment.run(options);
    else document = await runExperiment(experiment, { ...options, jobs: flags.jobs });
  } catch (error) {
    await progress.fail(error);
    throw error;
  }
  await progress.done();
  const { renderFigure } = await import('../figures/render.js');
  const drawing = { [TOPOLOGY_FILE]: topologyDrawing(await planOf(experiment, duration)) };
  const stored = await storeResult(flags.output, document, await renderFigure(experiment.figure(document)), drawing);
  const summary = 'run' in experiment ? summarizeMetrics(document, experiment.headlines) : summarize(document);
  if (!flags.json) process.stdout.write(`\n${summary}\n${whereabouts(stored)}\n`);
  return { document, directory: stored.directory };
}

function whereabouts({ directory }: StoredResult): string {
  const shown = relative(process.cwd(), directory);
  return `Results: ${join(shown.startsWith('..') ? directory : shown, '{result.json,figure.svg,figure.png}')}\n`;
}

function scenarioFile(id: string): string | undefined {
  return SCENARIOS[id] && fileURLToPath(SCENARIOS[id]);
}

async function planOf(experiment: Experiment | Study, duration: number): Promise<Plan> {
  return 'run' in experiment ? experiment.plan() : (await trialOf(experiment, duration)).plan;
}

function find(id: string): Experiment | Study {
  const experiment = [...EXPERIMENTS, ...STUDIES].find((candidate) => candidate.id === id);
  if (experiment !== undefined) return experiment;
  throw new LabError('E_LAB_UNKNOWN_EXPERIMENT', `there is no experiment ${id}; there are ${IDS.join(', ')}`);
}

function parseDuration(text: string): number {
  const parsed = durationText.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? 'not a duration');
  const seconds = parsed.data / 1e6;
  // iperf3 takes whole seconds.
  if (seconds < 1 || !Number.isInteger(seconds)) throw new InvalidArgumentError('whole seconds, at least 1s');
  return seconds;
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('a whole number from 1 to 9999');
  return Number(text);
}
