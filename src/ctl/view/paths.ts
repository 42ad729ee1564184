import type { PathStatus } from '../../core/status.js';
import { bytes, megabits, milliseconds, percent } from './quantity.js';
import { type Column, renderTable } from './table.js';

/** Bits per second over a path since the snapshot before. */
export interface PathRates {
  readonly sendingBps: number;
  readonly receivingBps: number;
}

/** Table 5 of the paper, then what a path does besides. */
const COLUMNS: readonly Column<PathStatus>[] = [
  { title: 'DEST NODE ID', cell: (path) => path.node, key: true },
  { title: 'SESSIONS', cell: (path) => String(path.sessions), align: 'right' },
  { title: 'PATH ID', cell: (path) => String(path.path), align: 'right', key: true },
  { title: 'SRC IP', cell: (path) => path.source.address },
  { title: 'SRC PORT', cell: (path) => String(path.source.port), align: 'right' },
  { title: 'DEST IP', cell: (path) => path.destination.address },
  { title: 'DEST PORT', cell: (path) => String(path.destination.port), align: 'right' },
  { title: 'MIN DELAY ms', cell: (path) => milliseconds(path.minDelayUs), align: 'right' },
  { title: 'DELAY ms', cell: (path) => milliseconds(path.delayUs), align: 'right' },
  { title: 'QUEUING ms', cell: (path) => milliseconds(path.queuingDelayUs), align: 'right' },
  { title: 'MAX QUEUING ms', cell: (path) => milliseconds(path.maxQueuingDelayUs), align: 'right' },
  { title: 'WEIGHT', cell: (path) => String(path.weight), align: 'right' },
  { title: 'INTERFACE', cell: (path) => path.interface },
  { title: 'BY', cell: (path) => path.transport },
  { title: 'KIND', cell: (path) => kind(path) },
  { title: 'DEST NIC', cell: ({ destinationNic }) => String(destinationNic ?? '-'), align: 'right' },
  { title: 'STATE', cell: (path) => path.state },
  { title: 'RTT ms', cell: (path) => milliseconds(path.rttUs), align: 'right' },
  { title: 'SENT', cell: (path) => bytes(path.sentBytes), align: 'right' },
  { title: 'RECEIVED', cell: (path) => bytes(path.receivedBytes), align: 'right' },
  { title: 'RATE Mbit/s', cell: (path) => megabits(path.rateBps), align: 'right' },
  { title: 'LOSS', cell: (path) => percent(path.loss), align: 'right' },
];

/** What the configurations of the two ends say of it. */
function kind({ names, metered, backup }: PathStatus): string {
  return [...names, ...(metered ? ['metered'] : []), ...(backup ? ['backup'] : [])].join(', ') || '-';
}

export function pathsTable(paths: readonly PathStatus[], width?: number): string {
  return paths.length === 0 ? 'no paths' : renderTable(COLUMNS, paths, width);
}

/** The same with what runs over each path now. */
export function pathRatesTable(
  paths: readonly PathStatus[],
  rates: (path: PathStatus) => PathRates | undefined,
  width?: number,
): string {
  if (paths.length === 0) return 'no paths';
  const running: Column<PathStatus>[] = [
    { title: 'SENDING Mbit/s', cell: (path) => megabits(rates(path)?.sendingBps ?? null), align: 'right' },
    { title: 'RECEIVING Mbit/s', cell: (path) => megabits(rates(path)?.receivingBps ?? null), align: 'right' },
  ];
  return renderTable([...COLUMNS, ...running], paths, width);
}

/** One line for a log of a path over time. */
export function pathLine(path: PathStatus, rates: PathRates | undefined): string {
  const ms = (us: number | null): string => (us === null ? milliseconds(us) : `${milliseconds(us)}ms`);
  const mbit = (bps: number | null): string => (bps === null ? megabits(bps) : `${megabits(bps)}Mbit/s`);
  return [
    `node=${path.node} path=${path.path} ${path.source.address} -> ${path.destination.address}`,
    `interface=${path.interface} by=${path.transport} state=${path.state}`,
    `delay=${ms(path.delayUs)} queuing=${ms(path.queuingDelayUs)} rtt=${ms(path.rttUs)}`,
    `weight=${path.weight} rate=${mbit(path.rateBps)} loss=${percent(path.loss)}`,
    `sending=${mbit(rates?.sendingBps ?? null)} receiving=${mbit(rates?.receivingBps ?? null)}`,
  ].join(' ');
}
