/** What the receiver's mpipd did to bring packets back into order. Pure. */
import type { DaemonStatus } from '../../src/daemon/api.js';
import type { SeriesRecord } from '../results/document.js';

/** How often the receiver is asked. */
export const REORDER_PERIOD_MS = 200;

/** Packets: most that waited at once, and, of all that came, those that were waited for in vain and those that came too late. */
export const REORDER_METRICS = ['reorder_held_most', 'reorder_timeouts', 'reorder_losses', 'reorder_late'] as const;

/** The occupancy of the buffers of all sessions over time, and counts of the whole run. */
export function reorderingOf(
  workload: string,
  statuses: readonly (readonly [number, DaemonStatus])[],
): { series: SeriesRecord[]; metrics: Record<string, number> } {
  const last = statuses.at(-1)?.[1];
  if (last === undefined) return { series: [], metrics: {} };
  const sum = ({ sessions }: DaemonStatus, of: 'held' | 'timeouts' | 'losses' | 'late'): number =>
    sessions.reduce((total, { reorder }) => total + reorder[of], 0);
  const points = statuses.map(([t, status]): [number, number] => [t, sum(status, 'held')]);
  const metrics: Record<(typeof REORDER_METRICS)[number], number> = {
    reorder_held_most: Math.max(0, ...last.sessions.map(({ reorder }) => reorder.maxHeld)),
    reorder_timeouts: sum(last, 'timeouts'),
    reorder_losses: sum(last, 'losses'),
    reorder_late: sum(last, 'late'),
  };
  return {
    series: [{ name: `${workload}.reorder_held`, unit: '', points }],
    metrics: Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`${workload}.${name}`, value])),
  };
}
