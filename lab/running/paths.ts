import { ControlError, type DaemonStatus } from '../../src/daemon/api.js';
import { LabError } from '../error.js';
import type { Plan } from '../plan/plan.js';
import type { Mpipd } from './mpipd.js';
import { waitUntil } from './wait.js';

const PATHS_TIMEOUT_MS = 10_000;
const PATHS_SHOWN = 6;

/** Waits until every MPIP host reports each of its planned paths live. Throws LabError (E_LAB_PATHS) that names those missing. */
export async function pathsLive(
  plan: Plan,
  daemons: ReadonlyMap<string, Mpipd>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const missing = await waitUntil(() => missingPaths(plan, daemons), PATHS_TIMEOUT_MS, signal);
  if (missing === null) return;
  const logs = [...daemons.values()].map((daemon) => daemon.logTail()).filter(Boolean);
  throw new LabError(
    'E_LAB_PATHS',
    [`not all paths are live after ${PATHS_TIMEOUT_MS / 1000} s:\n${missing}`, ...logs].join('\n'),
  );
}

async function missingPaths(plan: Plan, daemons: ReadonlyMap<string, Mpipd>): Promise<string | null> {
  const missing: string[] = [];
  for (const [node, daemon] of daemons) {
    const states = await statesOf(daemon);
    if (typeof states === 'string') missing.push(`  ${node}: ${states}`);
    else {
      for (const { from, to, source, destination } of plan.paths) {
        const state = states.get(`${source} ${destination}`);
        if (from !== node || state === 'live') continue;
        missing.push(`  ${from} ${source} -> ${to} ${destination}: ${state ?? 'unknown to mpipd'}`);
      }
    }
  }
  if (missing.length === 0) return null;
  const hidden = missing.length - PATHS_SHOWN;
  return [...missing.slice(0, PATHS_SHOWN), ...(hidden > 0 ? [`  and ${hidden} more`] : [])].join('\n');
}

/** State of each path by its addresses; in words why there is none. */
async function statesOf(daemon: Mpipd): Promise<ReadonlyMap<string, string> | string> {
  let status: DaemonStatus;
  try {
    status = await daemon.status();
  } catch (error) {
    if (error instanceof ControlError) return error.message;
    throw error;
  }
  const states = new Map<string, string>();
  for (const { source, destination, state } of status.paths) {
    const key = `${source.address} ${destination.address}`;
    if (states.get(key) !== 'live') states.set(key, state);
  }
  return states;
}
