/** A scenario, read and checked: one case for each combination of parameters. */
import type { Parameters } from '../../src/document/parameters.js';
import type { LabEvent } from '../experiment/events.js';
import type { Arm } from '../experiment/experiment.js';
import type { Panel } from '../figures/timeline.js';
import type { Measure } from '../measure/measures.js';
import type { Plan } from '../plan/plan.js';
import type { Workload } from '../workloads/kinds.js';
import type { OnlyDocument, OverviewDocument } from './schema.js';

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Figure of the paper that is reproduced; null = beyond the paper. */
  readonly paper: string | null;
  readonly file: string;
  /** At least one; all have the same arms and workloads by name. */
  readonly cases: readonly ScenarioCase[];
  readonly repeat: number;
  /** The short form: seconds of an arm, and the combinations that it has; null = there is none. */
  readonly short: { readonly duration: number; readonly only: OnlyDocument | undefined } | null;
  /** Panels of the figure of each combination; null = chosen by what was measured. */
  readonly figure: readonly Panel[] | null;
  /** Over all combinations; null = none. */
  readonly overview: OverviewDocument | null;
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
  readonly measures: readonly Measure[];
  /** Seconds: width of the bins of rates. */
  readonly bin: number | undefined;
  readonly claims: readonly string[];
}
