/** What main thread and data-plane thread say to each other. All of it is cloned (structured clone). */
import type { LogLevel } from '../../core/io.js';
import type { RoutingRule } from '../../core/routing/rules.js';
import type { NodeStatus } from '../../core/status.js';
import type { TunOffloads } from '../../host/tun.js';
import type { DataPlaneOptions } from '../daemon.js';

/** A snapshot of the node, and what the host layer did so far. */
export type DataPlaneStatus = NodeStatus & { readonly io: Readonly<Record<string, number>> };

/** What the thread starts with. */
export interface WorkerStart {
  readonly options: DataPlaneOptions;
  /** Descriptor of the eventfd that says: there are messages. */
  readonly wakeFd: number;
}

/** What the loop is asked. */
export type Request =
  | { readonly what: 'status'; readonly id: number }
  | { readonly what: 'rules'; readonly id: number; readonly rules: readonly RoutingRule[] }
  | { readonly what: 'stop' };

export type ToWorker = Request | { readonly what: 'log-level'; readonly level: LogLevel };

export type FromWorker =
  | { readonly what: 'ready'; readonly tun: string; readonly offloads: TunOffloads }
  | { readonly what: 'status'; readonly id: number; readonly status: DataPlaneStatus }
  | { readonly what: 'rules-set'; readonly id: number }
  | { readonly what: 'log'; readonly level: LogLevel; readonly event: string; readonly fields: Record<string, unknown> }
  | { readonly what: 'failed'; readonly error: PortableError };

/** An error that crosses threads: a structured clone keeps neither class nor code. */
export interface PortableError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
}

export function portableError(error: unknown): PortableError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const { name, message, stack } = error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return { name, message, ...(code !== undefined && { code }), ...(stack !== undefined && { stack }) };
}

const SEVERITY: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 };

/** Whether a record of this level is wanted when the threshold is `threshold`. */
export function isLogged(level: LogLevel, threshold: LogLevel): boolean {
  return SEVERITY[level] <= SEVERITY[threshold];
}
