/** An experiment that is more than workloads in the arms of one topology: it carries itself out. */
import type { TopLevelSpec } from 'vega-lite';
import type { Plan } from '../plan/plan.js';
import type { ResultDocument } from '../results/document.js';
import type { Arm } from './experiment.js';
import type { RunOptions } from './run.js';

export interface Study {
  /** As on the command line: "scale". */
  readonly id: string;
  readonly title: string;
  /** In the order that they run in. */
  readonly arms: readonly Arm[];
  /** Ids of the arms of the short form. */
  readonly shortArms: readonly string[];
  readonly durations: {
    /** Seconds of a measurement; an arm may have several. */
    readonly full: number;
    /** With --short. */
    readonly short: number;
  };
  /** Metrics that stand in the table on the terminal. */
  readonly headlines: readonly string[];
  /** For its drawing: of the arm that has most. */
  plan(): Plan;
  /** Throws LabMachineError when the machine lacks something, LabError otherwise; when the signal aborts, its reason. No lab is left. */
  run(options: StudyRun): Promise<ResultDocument>;
  figure(document: ResultDocument): TopLevelSpec;
}

/** Labs come up one after the other: what is measured has the machine for itself. */
export type StudyRun = Omit<RunOptions, 'jobs'> & { readonly duration: number; readonly arms: readonly string[] };
