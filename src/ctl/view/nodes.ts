import type { Endpoint } from '../../core/io.js';
import type { PeerStatus } from '../../core/status.js';
import { type Column, renderTable } from './table.js';

interface Row {
  readonly peer: PeerStatus;
  readonly endpoint: Endpoint | undefined;
}

/** Table 3 of the paper: a row for each address of a node; then the node's state. */
const COLUMNS: readonly Column<Row>[] = [
  { title: 'NODE ID', cell: ({ peer }) => peer.node, key: true },
  { title: 'IP ADDRESS', cell: ({ endpoint }) => endpoint?.address ?? '-', key: true },
  { title: 'PORT', cell: ({ endpoint }) => String(endpoint?.port ?? '-'), align: 'right' },
  { title: 'STATE', cell: ({ peer }) => peer.state },
  { title: 'AUTHENTICATED', cell: ({ peer }) => (peer.authenticated ? 'yes' : 'no') },
  { title: 'LIVE PATHS', cell: ({ peer }) => String(peer.pathsLive), align: 'right' },
  { title: 'SESSIONS', cell: ({ peer }) => String(peer.sessions), align: 'right' },
  {
    title: 'STEERED',
    cell: ({ peer, endpoint }) => (endpoint && peer.steered.includes(endpoint.address) ? 'yes' : 'no'),
  },
];

export function nodesTable(peers: readonly PeerStatus[], width?: number): string {
  if (peers.length === 0) return 'no nodes';
  const rows = peers.flatMap((peer): Row[] =>
    peer.addresses.length === 0
      ? [{ peer, endpoint: undefined }]
      : peer.addresses.map((endpoint) => ({ peer, endpoint })),
  );
  return renderTable(COLUMNS, rows, width);
}
