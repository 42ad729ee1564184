/** Carries out trials: all arms in labs of their own, side by side as far as is allowed, then the claims; a result document each. */
import { setMaxListeners } from 'node:events';
import { forThisMachine } from '../doctor/emulation.js';
import { linksOnTheWay } from '../measure/links.js';
import type { Plan } from '../plan/plan.js';
import { calibrationRecord } from '../results/calibration.js';
import { armsIn, judgeClaim } from '../results/claims.js';
import { median } from '../results/distribution.js';
import {
  type ArmResult,
  type CalibrationRecord,
  metricTable,
  type ResultDocument,
  repetitionTables,
} from '../results/document.js';
import { describeMachine } from '../results/machine.js';
import type { BackendName } from '../topology/topology.js';
import { requireFor } from '../workloads/requirements.js';
import type { Arm } from './experiment.js';
import { endsOf, limitOf } from './limit-of.js';
import { type ArmOutcome, type LiveRates, mainOf, runArm } from './run-arm.js';
import type { Trial } from './trial.js';

/** One arm of one repetition of a trial: a lab. */
export interface ArmUnit {
  readonly trial: Trial;
  readonly arm: Arm;
  /** From 0. */
  readonly repetition: number;
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

export type ResultFiles = Readonly<Record<string, Uint8Array>>;

export interface TrialsRun {
  /** Labs side by side; default 1. They share the machine: measure with more only what leaves it idle. */
  readonly jobs?: number;
  /** Default: as each topology says, else `netns`. */
  readonly backend?: BackendName;
  readonly signal?: AbortSignal;
  readonly observe?: (unit: ArmUnit) => RunObserver;
  /** A trial is done; awaited before the run ends. `files` of its workloads, by name. */
  readonly onDocument?: (trial: Trial, document: ResultDocument, files: ResultFiles) => void | Promise<void>;
}

/**
 * Runs the trials; documents in their order. Throws LabMachineError when the machine lacks something, LabError otherwise; when `signal`
 * aborts, its reason. Whatever happens, no lab is left.
 */
export async function runTrials(trials: readonly Trial[], run: TrialsRun = {}): Promise<ResultDocument[]> {
  for (const { workloads, arms, plan } of trials) {
    await requireFor({ workloads, mptcp: arms.some(({ mptcp }) => mptcp), plan, backend: run.backend });
  }
  const failed = new AbortController();
  const signal = run.signal === undefined ? failed.signal : AbortSignal.any([run.signal, failed.signal]);
  setMaxListeners(0, signal);
  const collections: Collection[] = [];
  for (const trial of trials) collections.push(new Collection(trial, await forThisMachine(trial.plan)));
  const documents = new Map<Trial, ResultDocument>();
  const units = collections.flatMap((collection) => collection.units.map((unit) => ({ collection, unit })));

  const work = async (): Promise<void> => {
    for (let next = units.shift(); next !== undefined; next = units.shift()) {
      const { collection, unit } = next;
      signal.throwIfAborted();
      collection.begin();
      const document = collection.add(unit, await runUnit(unit, run.backend, signal, run.observe?.(unit) ?? {}));
      if (document === null) continue;
      documents.set(unit.trial, document);
      await run.onDocument?.(unit.trial, document, collection.files);
    }
  };
  const workers = Array.from({ length: Math.max(1, run.jobs ?? 1) }, () =>
    work().catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(workers);
  run.signal?.throwIfAborted();
  failed.signal.throwIfAborted();
  return trials.map((trial) => documents.get(trial)!);
}

async function runUnit(
  { trial, arm }: ArmUnit,
  backend: BackendName | undefined,
  signal: AbortSignal,
  observer: RunObserver,
): Promise<ArmOutcome> {
  observer.armStarts?.(arm);
  const { plan, workloads, events, duration, settle, measures, bin, directory } = trial;
  const outcome = await runArm({
    arm,
    plan,
    workloads,
    events,
    duration,
    settle,
    measures,
    bin,
    directory,
    signal,
    ...(backend === undefined ? {} : { backend }),
    onStep: (title) => observer.step?.(arm, title),
    onSetUp: (title) => observer.setUp?.(arm, title),
    onLive: (live) => observer.live?.(arm, live),
  });
  observer.armEnds?.(arm, outcome.result);
  return outcome;
}

/** All arms of trials in the order that they run in: repetition by repetition, so that what changes on the machine meets all arms alike. */
export function unitsOf(trials: readonly Trial[]): ArmUnit[] {
  return trials.flatMap((trial) =>
    Array.from({ length: trial.repeat }, (_, repetition) =>
      trial.arms.map((arm): ArmUnit => ({ trial, arm, repetition })),
    ).flat(),
  );
}

/** The outcomes of a trial until they are complete. */
class Collection {
  readonly units: readonly ArmUnit[];
  readonly #outcomes = new Map<ArmUnit, ArmOutcome>();
  #started: string | undefined;

  /** `plan` is the trial's, with the emulators of this machine. */
  constructor(
    private readonly trial: Trial,
    private readonly plan: Plan,
  ) {
    this.units = unitsOf([trial]);
  }

  /** An arm of it is about to run. */
  begin(): void {
    this.#started ??= new Date().toISOString();
  }

  /** The document, when this was the last. */
  add(unit: ArmUnit, outcome: ArmOutcome): ResultDocument | null {
    this.#outcomes.set(unit, outcome);
    return this.#outcomes.size < this.units.length ? null : this.#document();
  }

  /** "<arm>-<workload>-<file>", of later repetitions "<arm>-2-...". */
  get files(): ResultFiles {
    const named = this.units.flatMap((unit) => {
      const of = unit.repetition === 0 ? unit.arm.id : `${unit.arm.id}-${unit.repetition + 1}`;
      const files = Object.entries(this.#outcomes.get(unit)?.files ?? {});
      return files.map(([name, content]) => [`${of}-${name}`, content] as const);
    });
    return Object.fromEntries(named);
  }

  #document(): ResultDocument {
    const { trial } = this;
    const outcomesOf = (arm: Arm): ArmOutcome[] =>
      this.units.filter((unit) => unit.arm === arm).map((unit) => this.#outcomes.get(unit)!);
    const arms = Object.fromEntries(
      trial.arms.map((arm) => [arm.id, together(outcomesOf(arm).map(({ result }) => result))]),
    );
    const all = this.units.map((unit) => this.#outcomes.get(unit)!);
    const duration = trial.duration ?? Math.max(...all.map(({ elapsed }) => elapsed));
    const main = mainOf(trial.workloads);
    const ends = main === null ? null : endsOf(main.flow);
    const measured = {
      arms,
      limit_bps: main === null || trial.subject === null ? null : limitOf(trial.subject, trial.plan, main.workload),
    };
    const checkable = trial.claims.filter((claim) => armsIn(claim).every((arm) => arm in arms));
    const [table, repetitions] = [metricTable(measured), repetitionTables(measured)];
    return {
      experiment: trial.id,
      title: trial.title,
      paper: trial.paper,
      topology: trial.plan.topology,
      started: this.#started ?? new Date().toISOString(),
      duration_s: duration,
      settled_s: Math.min(trial.settle, duration / 2),
      machine: describeMachine(),
      versions: Object.assign({ node: process.versions.node }, ...all.map(({ versions }) => versions)),
      parameters: { ...trial.parameters },
      ...(trial.combination !== '' && { combination: trial.combination }),
      ...measured,
      links: (ends === null ? [] : linksOnTheWay(this.plan, ends.sender, ends.receiver)).map((link) => ({
        name: link.name,
        rate_bps: link.rateBps,
        delay_s: link.delayUs / 1e6,
        queue_bytes: link.queueBytes,
        mtu_bytes: link.mtu,
        emulator: link.emulator,
        calibration: this.#calibrationOf(link.name),
      })),
      ...(trial.events.length === 0 ? {} : { events: trial.events.map(({ at, text }) => ({ at_s: at, text })) }),
      claims: checkable.map((claim) => judgeClaim(claim, table, repetitions)),
      unchecked_claims: trial.claims.filter((claim) => !checkable.includes(claim)),
    };
  }

  #calibrationOf(link: string): CalibrationRecord[] {
    return this.units.flatMap((unit) => {
      const measured = this.#outcomes.get(unit)!.calibration.filter((own) => own.link === link);
      return measured.map((own) => ({
        arm: unit.arm.id,
        ...(unit.trial.repeat === 1 ? {} : { repetition: unit.repetition }),
        ...calibrationRecord(own),
      }));
    });
  }
}

/** Repetitions of an arm as one result: medians, and the metrics of each. */
function together(results: readonly ArmResult[]): ArmResult {
  const [first, ...others] = results;
  if (first === undefined) throw new TypeError('an arm without a result');
  if (others.length === 0) return first;
  const names = [...new Set(results.flatMap(({ metrics }) => Object.keys(metrics)))];
  const metrics = Object.fromEntries(
    names.map((name) => [name, median(results.flatMap(({ metrics: own }) => own[name] ?? []))]),
  );
  return { ...first, metrics, repetitions: results.map((result) => result.metrics) };
}
