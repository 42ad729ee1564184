import type { SessionStatus } from '../../core/status.js';
import { bytes, span } from './quantity.js';
import { type Column, renderTable } from './table.js';

/** Table 4 of the paper, then the state of the session and of its reordering. */
const COLUMNS: readonly Column<SessionStatus>[] = [
  { title: 'DEST NODE ID', cell: (session) => session.node, key: true },
  { title: 'SESSION ID', cell: (session) => String(session.session), align: 'right', key: true },
  { title: 'SRC IP', cell: (session) => session.source.address },
  { title: 'SRC PORT', cell: (session) => String(session.source.port), align: 'right' },
  { title: 'DEST IP', cell: (session) => session.destination.address },
  { title: 'DEST PORT', cell: (session) => String(session.destination.port), align: 'right' },
  { title: 'PROTOCOL', cell: (session) => session.protocol },
  { title: 'NEXT SEQUENCE', cell: (session) => String(session.nextSequence), align: 'right' },
  { title: 'UPDATED', cell: (session) => `${span(session.idleUs)} ago`, align: 'right' },
  { title: 'STATE', cell: (session) => session.state },
  { title: 'OPENED BY', cell: (session) => session.openedBy },
  { title: 'SENT', cell: (session) => bytes(session.sentBytes), align: 'right' },
  { title: 'RECEIVED', cell: (session) => bytes(session.receivedBytes), align: 'right' },
  { title: 'REORDER', cell: ({ reorder }) => reorder.mode },
  { title: 'HELD', cell: (session) => String(session.reorder.held), align: 'right' },
  { title: 'MAX HELD', cell: (session) => String(session.reorder.maxHeld), align: 'right' },
  { title: 'RELEASED', cell: (session) => String(session.reorder.released), align: 'right' },
  { title: 'TIMEOUTS', cell: (session) => String(session.reorder.timeouts), align: 'right' },
  { title: 'LOSSES', cell: (session) => String(session.reorder.losses), align: 'right' },
  { title: 'LATE', cell: (session) => String(session.reorder.late), align: 'right' },
  { title: 'DUPLICATES', cell: (session) => String(session.reorder.duplicates), align: 'right' },
];

export function sessionsTable(sessions: readonly SessionStatus[], width?: number): string {
  return sessions.length === 0 ? 'no sessions' : renderTable(COLUMNS, sessions, width);
}
