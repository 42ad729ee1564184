/**
 * Control of a running mpipd: a unix socket in the state directory, one JSON object a line. A request `{id, method, params}` is
 * answered by `{id, result}` or `{id, error: {code, message}}`; `watch` answers with `{id, next}` again and again until
 * the client ends its side. Ids are chosen by the client; answers may overtake each other.
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { AvailabilityStatus, NodeStatus, PathStatus, PeerStatus, SessionStatus } from '../../core/status.js';
import type { RuleDefinition, RuleListing } from '../rules/table.js';

/** A request line is short; whoever sends more is no client. */
export const MAX_REQUEST_CHARACTERS = 65_536;
export const MIN_WATCH_INTERVAL_MS = 50;
const DEFAULT_WATCH_INTERVAL_MS = 1000;

export const DEFAULT_STATE_DIRECTORY = '/run/mpipd';

/** Where the daemon with this state directory listens. */
export function controlSocketPath(stateDirectory: string): string {
  return join(stateDirectory, 'control.sock');
}

/** The node's tables and the daemon's own state. */
export interface DaemonStatus extends NodeStatus {
  readonly daemon: {
    readonly version: string;
    readonly pid: number;
    /** Milliseconds since the daemon started. */
    readonly uptimeMs: number;
    readonly tun: string;
    /** Counters of the system calls of the data path. */
    readonly io: Readonly<Record<string, number>>;
  };
}

/** Methods that are answered once, with what they answer. Those that change the rules answer with the new list. */
export interface ControlResults {
  status: DaemonStatus;
  nodes: PeerStatus[];
  sessions: SessionStatus[];
  paths: PathStatus[];
  availability: AvailabilityStatus[];
  rules: RuleListing[];
  'rules-add': RuleListing[];
  'rules-remove': RuleListing[];
  'rules-load': RuleListing[];
}

/** What methods are told; the others are told nothing. */
export interface ControlParams {
  'rules-add': { rule: RuleDefinition; before?: string };
  'rules-remove': { name: string };
  'rules-load': { rules: RuleDefinition[] };
}

export type ControlMethod = keyof ControlResults;

export const requestSchema = z.strictObject({
  id: z.union([z.int(), z.string().max(64)]),
  method: z.string(),
  params: z.record(z.string(), z.unknown()).optional(),
});

export const watchParamsSchema = z.strictObject({
  intervalMs: z.int().min(MIN_WATCH_INTERVAL_MS).max(3_600_000).default(DEFAULT_WATCH_INTERVAL_MS),
});

/** Of ControlParams. What a rule may be is checked where the others are known. */
export const paramsSchemas = {
  'rules-add': z.strictObject({ rule: z.unknown(), before: z.string().optional() }),
  'rules-remove': z.strictObject({ name: z.string() }),
  'rules-load': z.strictObject({ rules: z.unknown() }),
};

export type RequestId = z.output<typeof requestSchema>['id'];

/** Codes of refused requests. */
export type RefusalCode = 'E_BAD_REQUEST' | 'E_UNKNOWN_METHOD' | 'E_TOO_LONG' | 'E_BUSY' | 'E_UNAVAILABLE' | 'E_RULES';

export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
}

/** `id` is null where the request's own could not be read. */
export type ControlAnswer =
  | { readonly id: RequestId | null; readonly error: Refusal }
  | { readonly id: RequestId; readonly result: unknown }
  | { readonly id: RequestId; readonly next: unknown };
