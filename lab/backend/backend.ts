/** What makes a plan real. `create` and `destroy` may run in different processes: all that they share is the record. */
import type { Plan, PlannedLink } from '../plan/plan.js';
import type { LabDirectory } from '../record/directory.js';
import type { LabRecord } from '../record/record.js';
import type { CounterSource, QueueCounters } from './counters.js';
import type { NodeCommand, NodeProcess } from './node-process.js';

/** A command as it is run, for people: what it does, and its input where it reads one. */
export interface BackendCommand {
  readonly command: readonly string[];
  readonly input: readonly string[];
}

export interface BackendStep {
  readonly title: string;
  readonly commands: readonly BackendCommand[];
}

/** What a lab is about to make, for its record. */
export type Claim = Pick<LabRecord, 'namespaces' | 'containers'>;

export interface Backend {
  /** What the machine lacks for a lab of this plan, and how to get it; a line each. */
  lacks(plan: Pick<Plan, 'nodes'>): Promise<string[]>;
  /** What `create` is going to make. Throws LabError (E_LAB_NAME_TAKEN) when something of that name exists. */
  claim(lab: string, plan: Plan): Promise<Claim>;
  /** What `create` does, in order; pure. The relay and mpipd are started afterwards. */
  steps(lab: string, plan: Plan): BackendStep[];
  /** Throws LabCommandError; what was made until then is the caller's to destroy. */
  create(directory: LabDirectory, plan: Plan, progress: CreateProgress): Promise<void>;
  /** Removes what the record names and what is verified to be the lab's; idempotent. Processes have ended before. */
  destroy(record: LabRecord): Promise<void>;
  /** Inodes of the lab's network namespaces that exist and are verified to be its own. */
  namespaces(record: LabRecord): Set<number>;
  /** Starts a command inside a node. Throws LabCommandError when it cannot be started. */
  launch(record: LabRecord, node: string, command: NodeCommand): Promise<NodeProcess>;
  /** Runs a command inside a node with this process's standard streams, its terminal if it has one; resolves with the exit status. */
  attach(record: LabRecord, node: string, command: NodeCommand): Promise<number>;
  /** A command that is left running in a node, as one could type it. */
  typed(lab: string, node: string, command: readonly string[]): string[];
  openCounters(lab: string, node: string): CounterSource;
  /** Sets the far end of a link down, or both ends up and puts back what they lost. */
  setCarrier(record: LabRecord, plan: Plan, link: PlannedLink, carrier: 'up' | 'down', at: string): Promise<void>;
  /** Makes the link's shaping what the plan says; `anew`: with empty queues and counters at zero. Nothing of a relayed link. */
  shape(record: LabRecord, link: PlannedLink, anew?: boolean): Promise<void>;
  /** What the kernel counts of links that it makes what they are, in order of their ends. Throws LabCommandError. */
  queueCounters(record: LabRecord, link: PlannedLink): Promise<readonly [QueueCounters, QueueCounters]>;
}

export interface CreateProgress {
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((step: { title: string; durationMs: number }) => void) | undefined;
}
