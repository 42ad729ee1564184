/** What all workloads have in common. One folder or file for each kind; kinds.ts puts them together. */

import type { SeriesRecord } from '../results/document.js';
import type { Lab } from '../running/lab.js';

export interface WorkloadBase {
  /** First part of the names of its metrics. */
  readonly name: string;
  /** Seconds from the start of the arm; default 0. */
  readonly at?: number;
}

/** Between whom a workload's bytes flow, and what holds them back. */
export interface Flow {
  readonly client: string;
  readonly server: string;
  /** The server sends. */
  readonly reverse: boolean;
  readonly transport: 'tcp' | 'udp';
  /** Whether it takes all that the links carry, so that its goodput compares with their limit. */
  readonly greedy: boolean;
}

/** A workload in a running lab. */
export interface WorkloadRun {
  readonly lab: Lab;
  /** Id of the arm. */
  readonly arm: string;
  /** TCP sockets of both sides are MPTCP's (IPPROTO_MPTCP, through mptcpize). */
  readonly mptcp: boolean;
  /** Address of the server; '' for workloads without one. */
  readonly target: string;
  /** The address of `server` that `client` reaches it at; '' where it has none. */
  addressOf(server: string, client: string): string;
  /** Of the server; no other workload of the arm has it. */
  readonly port: number;
  /** Directory that commands of the author run in. */
  readonly directory: string;
  /** Seconds from the start of the workload until means count. */
  readonly settle: number;
  /** Times of the arm's events, seconds from the start of the workload. */
  readonly events: readonly number[];
  readonly signal: AbortSignal;
  /** To be awaited once everything is prepared: resolves when all workloads are, and the time of this one has come. */
  ready(): Promise<void>;
}

export interface WorkloadOutcome {
  /** By name without the workload's; a name ends with its unit (results/quantity.ts). */
  readonly metrics: Readonly<Record<string, number>>;
  /** Names without the workload's; times in seconds since the workload's own start. */
  readonly series: readonly SeriesRecord[];
  /** Of programs that took part. */
  readonly versions?: Readonly<Record<string, string>>;
  /** To stand beside the result, by name without the workload's: screenshots. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
}

export interface WorkloadKind<W extends WorkloadBase> {
  /** Programs that it runs, by name. */
  programs(workload: W): readonly string[];
  /** Metrics that stand in summaries, most important first. */
  readonly headline: readonly string[];
  /** Names of all metrics that a run can give; null = not known before. */
  metrics(workload: W): readonly string[] | null;
  /** Those of its series that measures can be about, with their units. */
  readonly series?: Readonly<Record<string, SeriesRecord['unit']>>;
  flow(workload: W): Flow | null;
  /** Seconds that it lasts; null = until it is done. */
  duration(workload: W): number | null;
  /** The same workload with another duration; itself when it has none. */
  withDuration(workload: W, seconds: number): W;
  /** Throws LabError; when `run.signal` aborts, its reason. */
  run(workload: W, run: WorkloadRun): Promise<WorkloadOutcome>;
}
