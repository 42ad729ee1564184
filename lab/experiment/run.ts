/** Carries out an experiment: all its arms, its claims, one result document. */
import { fileURLToPath } from 'node:url';
import { LabError } from '../error.js';
import type { BackendName } from '../lab.js';
import { linksBetween } from '../measure/links.js';
import { makePlan } from '../plan/make.js';
import { armsIn, type ClaimOutcome, evaluateClaim } from '../results/claims.js';
import { type ArmResult, metricTable, type ResultDocument } from '../results/document.js';
import { describeMachine } from '../results/machine.js';
import { readTopology } from '../topology/read.js';
import { requireFor } from '../workloads/requirements.js';
import type { Arm, Experiment } from './experiment.js';
import { type LiveRates, limitOf, runArm } from './run-arm.js';

export interface RunOptions {
  /** Seconds of an arm; default: the experiment's full duration. */
  readonly duration?: number;
  /** Ids of the arms to run; default: all. */
  readonly arms?: readonly string[];
  /** Default: as the topology says, else `netns`. */
  readonly backend?: BackendName;
  readonly signal?: AbortSignal;
  readonly observer?: RunObserver;
}

/** Follows a run. */
export interface RunObserver {
  armStarts?(arm: Arm): void;
  step?(arm: Arm, title: string): void;
  /** A part of the lab's set-up is done. */
  setUp?(arm: Arm, title: string): void;
  live?(arm: Arm, live: LiveRates): void;
  armEnds?(arm: Arm, result: ArmResult): void;
}

/** The arms of an experiment with these ids, in the experiment's order. Throws LabError E_LAB_UNKNOWN_ARM. */
export function selectArms(experiment: Experiment, ids: readonly string[] | undefined): Arm[] {
  const known = experiment.arms.map(({ id }) => id);
  const unknown = (ids ?? []).filter((id) => !known.includes(id));
  if (unknown.length > 0) {
    throw new LabError(
      'E_LAB_UNKNOWN_ARM',
      `${experiment.id} has no arm ${unknown.join(', ')}; it has ${known.join(', ')}`,
    );
  }
  return experiment.arms.filter(({ id }) => ids === undefined || ids.includes(id));
}

/**
 * Runs the arms one after the other. Throws LabMachineError when the machine lacks something, LabError otherwise; when `signal` aborts,
 * its reason. Whatever happens, no lab is left.
 */
export async function runExperiment(experiment: Experiment, options: RunOptions = {}): Promise<ResultDocument> {
  const { signal, observer, duration = experiment.durations.full } = options;
  const arms = selectArms(experiment, options.arms);
  const workloads = experiment.workloads(duration);
  requireFor({ workloads, mptcp: arms.some(({ mptcp }) => mptcp) });
  const plan = makePlan(await readTopology(fileURLToPath(experiment.topology)));
  const settle = Math.min(experiment.durations.settle, duration / 2);

  const started = new Date().toISOString();
  const results: Record<string, ArmResult> = {};
  const versions: Record<string, string> = { node: process.versions.node };
  for (const arm of arms) {
    signal?.throwIfAborted();
    observer?.armStarts?.(arm);
    const { result, versions: used } = await runArm({
      arm,
      plan,
      workloads,
      duration,
      settle,
      onStep: (title) => observer?.step?.(arm, title),
      onSetUp: (title) => observer?.setUp?.(arm, title),
      onLive: (live) => observer?.live?.(arm, live),
      ...(signal === undefined ? {} : { signal }),
      ...(options.backend === undefined ? {} : { backend: options.backend }),
    });
    results[arm.id] = result;
    Object.assign(versions, used);
    observer?.armEnds?.(arm, result);
  }

  const main = workloads[0]!;
  const [sender, receiver] = main.reverse ? [main.to, main.from] : [main.from, main.to];
  const subject = experiment.arms.find(({ id }) => id === experiment.subject)!;
  const measured = { arms: results, limit_bps: limitOf(subject, plan, main) };
  const checkable = experiment.claims.filter((claim) => armsIn(claim).every((arm) => arm in results));
  const table = metricTable(measured);
  return {
    experiment: experiment.id,
    title: experiment.title,
    paper: experiment.paper,
    topology: plan.topology,
    started,
    duration_s: duration,
    settled_s: settle,
    machine: describeMachine(),
    versions,
    parameters: experiment.parameters,
    ...measured,
    links: linksBetween(plan, sender, receiver).map((link) => ({
      name: link.name,
      rate_bps: link.rateBps,
      queue_bytes: link.queueBytes,
      mtu_bytes: link.mtu,
    })),
    claims: checkable.map((claim): ClaimOutcome => evaluateClaim(claim, table)),
    unchecked_claims: experiment.claims.filter((claim) => !checkable.includes(claim)),
  };
}
