/** What an experiment is: data that the runner (run.ts) carries out. One file for each figure of the paper. */
import type { TopLevelSpec } from 'vega-lite';
import type { Plan } from '../plan/plan.js';
import type { ResultDocument } from '../results/document.js';
import type { MpipSettings } from '../topology/topology.js';
import type { NetworkWorkload } from '../workloads/kinds.js';

export interface Experiment {
  /** As on the command line: "fig4a". */
  readonly id: string;
  readonly title: string;
  /** Figure of the paper that is reproduced; null = beyond the paper. */
  readonly paper: string | null;
  /** Topology file. */
  readonly topology: URL;
  /** In the order that they run in; each gets a fresh lab. */
  readonly arms: readonly Arm[];
  /** Id of the arm whose limit is `limit` in the claims. */
  readonly subject: string;
  /** Run together in each arm. The first one's links are measured. */
  workloads(durationSeconds: number): readonly NetworkWorkload[];
  readonly durations: {
    /** Seconds of an arm, as in the paper. */
    readonly full: number;
    /** With --short. */
    readonly short: number;
    /** Means count from here on, or from half of a run that is shorter than twice this. */
    readonly settle: number;
  };
  /** Parameters for the reader of the result, besides those of the topology. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  /** See results/claim-syntax.ts. */
  readonly claims: readonly string[];
  figure(document: ResultDocument): TopLevelSpec;
}

/** One way to carry the workloads over the same topology. */
export interface Arm {
  readonly id: string;
  /** For people. */
  readonly label: string;
  /** Whether mpipd runs on the topology's MPIP hosts. */
  readonly mpip: boolean;
  /** Whether the workloads use MPTCP sockets, with one subflow for each disjoint path. */
  readonly mptcp: boolean;
  /** Settings of mpipd in this arm, over those of the topology's hosts. */
  readonly settings?: MpipSettings;
  /** What is left of the topology where the arm does without some of its links; default: all. */
  readonly plan?: Plan;
}

/** The arms that most experiments compare. */
export const MPIP: Arm = { id: 'mpip', label: 'MPIP', mpip: true, mptcp: false };
export const MPTCP: Arm = { id: 'mptcp', label: 'MPTCP', mpip: false, mptcp: true };
export const PLAIN_IP: Arm = { id: 'ip', label: 'Plain IP', mpip: false, mptcp: false };
