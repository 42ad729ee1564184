/** What is run: an experiment made definite, with one topology, one length and one set of parameters. */
import { fileURLToPath } from 'node:url';
import type { ParameterValue } from '../../src/document/parameters.js';
import type { Measure } from '../measure/measures.js';
import { makePlan } from '../plan/make.js';
import type { Plan } from '../plan/plan.js';
import { readTopology } from '../topology/read.js';
import type { Workload } from '../workloads/kinds.js';
import type { LabEvent } from './events.js';
import type { Arm, Experiment } from './experiment.js';

export interface Trial {
  readonly id: string;
  readonly title: string;
  /** Figure of the paper that is reproduced; null = beyond the paper. */
  readonly paper: string | null;
  readonly plan: Plan;
  readonly arms: readonly Arm[];
  /** The arm whose limit is `limit` in the claims; it need not run. */
  readonly subject: Arm | null;
  readonly workloads: readonly Workload[];
  readonly events: readonly LabEvent[];
  /** Seconds of an arm; null = until all workloads are done. */
  readonly duration: number | null;
  /** Seconds from the start until means count; at most half of the arm. */
  readonly settle: number;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  /** What tells it from the others of its sweep; '' where it is alone. */
  readonly combination: string;
  readonly measures: readonly Measure[];
  /** Seconds: width of the bins of rates; undefined = as usual. */
  readonly bin: number | undefined;
  readonly claims: readonly string[];
  /** How often each arm runs. */
  readonly repeat: number;
  /** Where commands of workloads and events run. */
  readonly directory: string;
}

/** The trial of an experiment that is written in code. Throws DocumentError. */
export async function trialOf(experiment: Experiment, duration: number): Promise<Trial> {
  const { id, title, paper, arms, subject, parameters, claims, durations } = experiment;
  return {
    id,
    title,
    paper,
    plan: makePlan(await readTopology(fileURLToPath(experiment.topology))),
    arms,
    subject: arms.find(({ id: arm }) => arm === subject) ?? null,
    workloads: experiment.workloads(duration),
    events: [],
    duration,
    settle: durations.settle,
    parameters,
    combination: '',
    measures: [],
    bin: undefined,
    claims,
    repeat: 1,
    directory: process.cwd(),
  };
}
