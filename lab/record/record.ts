/** What a lab is made of, on disk before it exists: enough to take it down without its file, its process or its memory. */
import type { BackendName } from '../topology/topology.js';
import type { ProcessIdentity } from './identity.js';

export interface LabRecord {
  readonly version: 1;
  readonly lab: string;
  readonly topology: string;
  readonly backend: BackendName;
  readonly state: 'making' | 'up';
  /** ISO 8601. */
  readonly created: string;
  readonly boot: string;
  /** The lab ends with this process; null: it was made to be kept. */
  readonly owner: ProcessIdentity | null;
  /** The process that takes the lab down when the owner dies; the last one to end. */
  readonly reaper: ProcessIdentity | null;
  /** In the environment of every process that the lab starts; 32 hex digits. */
  readonly token: string;
  readonly namespaces: readonly RecordedNamespace[];
  /** Of a lab of containers. */
  readonly containers?: RecordedContainers;
  readonly processes: readonly RecordedProcess[];
}

export interface RecordedNamespace {
  readonly node: string;
  /** Under /run/netns. */
  readonly name: string;
  /** Of the namespace; null while it is being made. */
  readonly inode: number | null;
}

export interface RecordedContainers {
  /** Path of the engine's socket. */
  readonly engine: string;
  readonly nodes: readonly RecordedContainer[];
}

export interface RecordedContainer {
  readonly node: string;
  readonly name: string;
  /** Of the container; null while it is being made. */
  readonly id: string | null;
}

export interface RecordedProcess extends ProcessIdentity {
  readonly node: string;
  readonly command: string;
}

/** Name of the environment variable that carries `token`. */
export const TOKEN_VARIABLE = 'MPIP_LAB_TOKEN';

/** The environment entry that marks the processes of a lab. */
export function markerOf({ token }: Pick<LabRecord, 'token'>): string {
  return `${TOKEN_VARIABLE}=${token}`;
}
