/** Carries out an experiment: all its arms, its claims, one result document. */
import { LabError } from '../error.js';
import type { ResultDocument } from '../results/document.js';
import type { BackendName } from '../topology/topology.js';
import type { Arm, Experiment } from './experiment.js';
import { type ArmUnit, type RunObserver, runTrials } from './run-trials.js';
import { trialOf } from './trial.js';

export interface RunOptions {
  /** Seconds of an arm; default: the experiment's full duration. */
  readonly duration?: number;
  /** Ids of the arms to run; default: all. */
  readonly arms?: readonly string[];
  /** Labs side by side; default 1. */
  readonly jobs?: number;
  /** Default: as the topology says, else `netns`. */
  readonly backend?: BackendName;
  readonly signal?: AbortSignal;
  readonly observe?: (unit: Pick<ArmUnit, 'arm'>) => RunObserver;
}

/** The arms of an experiment with these ids, in the experiment's order. Throws LabError E_LAB_UNKNOWN_ARM. */
export function selectArms({ id, arms }: Pick<Experiment, 'id' | 'arms'>, ids: readonly string[] | undefined): Arm[] {
  const known = arms.map((arm) => arm.id);
  const unknown = (ids ?? []).filter((wanted) => !known.includes(wanted));
  if (unknown.length > 0) {
    throw new LabError('E_LAB_UNKNOWN_ARM', `${id} has no arm ${unknown.join(', ')}; it has ${known.join(', ')}`);
  }
  return arms.filter((arm) => ids === undefined || ids.includes(arm.id));
}

/**
 * Runs the arms one after the other, or `jobs` at a time. Throws LabMachineError when the machine lacks something, LabError otherwise;
 * when `signal` aborts, its reason. Whatever happens, no lab is left.
 */
export async function runExperiment(experiment: Experiment, options: RunOptions = {}): Promise<ResultDocument> {
  const { signal, jobs = 1, duration = experiment.durations.full } = options;
  const trial = { ...(await trialOf(experiment, duration)), arms: selectArms(experiment, options.arms) };
  const run = {
    jobs,
    ...(options.observe === undefined ? {} : { observe: options.observe }),
    ...(signal === undefined ? {} : { signal }),
    ...(options.backend === undefined ? {} : { backend: options.backend }),
  };
  const [document] = await runTrials([trial], run);
  return document!;
}
