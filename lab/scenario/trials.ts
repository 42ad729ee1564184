/** A scenario made definite: a trial for each combination of its parameters. */
import { dirname, resolve } from 'node:path';
import { LabError } from '../error.js';
import { selectArms } from '../experiment/run.js';
import type { Trial } from '../experiment/trial.js';
import { stretched } from '../measure/measures.js';
import { parameterText } from '../results/combination.js';
import { kindOf, type Workload } from '../workloads/kinds.js';
import { distinguishing, isFor } from './matrix.js';
import type { Scenario, ScenarioCase } from './scenario.js';
import { subjectOf } from './subject.js';

export interface TrialOptions {
  /** Length of each arm: seconds, or the short form of the file (as written where it has none). Default: as written. */
  readonly duration?: number | 'short';
  /** Ids of the arms to run; default: all. */
  readonly arms?: readonly string[];
  /** Default: as the file says. */
  readonly repeat?: number;
}

/** Throws LabError: E_LAB_UNKNOWN_ARM, E_LAB_SCENARIO when the length is not a matter of choice. */
export function trialsOf(scenario: Scenario, { duration, arms, repeat = scenario.repeat }: TrialOptions = {}): Trial[] {
  const short = duration === 'short' ? scenario.short : null;
  const wanted = duration === 'short' ? short?.duration : duration;
  const cases = scenario.cases.filter(({ parameters }) => isFor(short?.only, parameters));
  const told = distinguishing(scenario.cases.map(({ parameters }) => parameters));
  return cases.map((own): Trial => {
    const timed = wanted === undefined ? own : scaled(scenario, own, wanted);
    return {
      id: scenario.name,
      title: scenario.title,
      paper: scenario.paper,
      plan: timed.plan,
      arms: selectArms({ id: scenario.name, arms: timed.arms }, arms),
      subject: subjectOf(timed.arms),
      workloads: timed.workloads,
      events: timed.events,
      duration: timed.duration,
      settle: timed.settle,
      parameters: timed.parameters,
      combination: parameterText(told[scenario.cases.indexOf(own)] ?? {}),
      measures: timed.measures,
      bin: timed.bin,
      claims: timed.claims,
      repeat,
      directory: resolve(dirname(scenario.file)),
    };
  });
}

/** The same in another time: all times of the file keep their proportions. */
function scaled(scenario: Scenario, own: ScenarioCase, duration: number): ScenarioCase {
  if (own.duration === null) {
    throw new LabError(
      'E_LAB_SCENARIO',
      `${scenario.name} lasts until its workloads are done; give it a "duration:" to run it in another time`,
    );
  }
  const factor = duration / own.duration;
  return {
    ...own,
    duration,
    settle: own.settle * factor,
    measures: own.measures.map((measure) => stretched(measure, factor)),
    events: own.events.map((event) => ({ ...event, at: event.at * factor })),
    workloads: own.workloads.map((workload): Workload => {
      const kind = kindOf(workload);
      const lasts = kind.duration(workload);
      const moved = { ...workload, at: (workload.at ?? 0) * factor };
      return lasts === null ? moved : kind.withDuration(moved, lasts * factor);
    }),
  };
}
