import type { AvailabilityStatus } from '../../core/status.js';
import { type Column, renderTable } from './table.js';

/** Table 2 of the paper. */
const COLUMNS: readonly Column<AvailabilityStatus>[] = [
  { title: 'DEST IP', cell: ({ address }) => address, key: true },
  { title: 'DEST PORT', cell: ({ port }) => String(port), align: 'right' },
  { title: 'MPIP AVAILABILITY', cell: ({ availability }) => availability },
  { title: 'QUERY COUNT', cell: ({ queryCount }) => String(queryCount), align: 'right' },
];

export function availabilityTable(entries: readonly AvailabilityStatus[], width?: number): string {
  return entries.length === 0 ? 'no destinations' : renderTable(COLUMNS, entries, width);
}
