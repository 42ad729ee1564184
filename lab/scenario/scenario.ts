/** A scenario, read and checked: one case for each combination of parameters. */
import type { Parameters } from '../../src/document/parameters.js';
import type { LabEvent } from '../experiment/events.js';
import type { Arm } from '../experiment/experiment.js';
import type { Panel } from '../figures/timeline.js';
import type { Plan } from '../plan/plan.js';
import type { Workload } from '../workloads/kinds.js';

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Figure of the paper that is reproduced; null = beyond the paper. */
  readonly paper: string | null;
  readonly file: string;
  /** At least one; all have the same arms and workloads by name. */
  readonly cases: readonly ScenarioCase[];
  readonly repeat: number;
  /** Seconds of the short form; null = there is none. */
  readonly short: number | null;
  /** Panels of the figure; null = chosen by what was measured. */
  readonly figure: readonly Panel[] | null;
}

export interface ScenarioCase {
  readonly parameters: Parameters;
  readonly plan: Plan;
  readonly arms: readonly Arm[];
  readonly workloads: readonly Workload[];
  readonly events: readonly LabEvent[];
  /** Seconds; null = until all workloads are done. */
  readonly duration: number | null;
  /** Seconds until means count. */
  readonly settle: number;
  readonly claims: readonly string[];
}
