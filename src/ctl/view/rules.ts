import type { RuleListing } from '../../daemon/api.js';
import { bytes as bytesText } from './quantity.js';
import { type Column, renderTable } from './table.js';

const ANY = '*';

/** Table 6 of the paper, then what it has not. */
const COLUMNS: readonly Column<RuleListing>[] = [
  { title: 'NAME', cell: ({ rule }) => rule.name ?? '', key: true },
  { title: 'DEST IP', cell: ({ rule }) => text(rule.destination) },
  { title: 'DEST PORT', cell: ({ rule }) => text(rule.port) },
  { title: 'PROTOCOL', cell: ({ rule }) => text(rule.protocol) },
  { title: 'LENGTH', cell: ({ rule }) => text(rule.length) },
  { title: 'OTHER', cell: ({ rule }) => other(rule) },
  { title: 'MODE', cell: ({ rule }) => rule.mode ?? '' },
  { title: 'PATHS', cell: ({ rule }) => paths(rule) },
  { title: 'REORDER', cell: ({ rule }) => ordering(rule) },
  { title: 'PACKETS', cell: ({ packets }) => String(packets), align: 'right' },
  { title: 'SENT', cell: ({ bytes }) => bytesText(bytes), align: 'right' },
];

export function rulesTable(rules: readonly RuleListing[], width?: number): string {
  return renderTable(COLUMNS, rules, width);
}

function text(value: unknown): string {
  return value === undefined ? ANY : String(value);
}

function other(rule: RuleListing['rule']): string {
  const parts: string[] = [];
  if (rule['source-port'] !== undefined) parts.push(`source-port ${rule['source-port']}`);
  if (rule.dscp !== undefined) parts.push(`dscp ${rule.dscp}`);
  if (rule['pure-ack'] !== undefined) parts.push(rule['pure-ack'] ? 'pure-ack' : 'no pure-ack');
  return parts.join(', ') || ANY;
}

function ordering({ reorder, 'hold-limit': holdLimit }: RuleListing['rule']): string {
  return holdLimit === undefined ? (reorder ?? ANY) : `at most ${holdLimit}`;
}

function paths({ copies, paths: selector = {} }: RuleListing['rule']): string {
  const parts = [
    ...(selector.names ?? []),
    ...(selector.interfaces ?? []),
    ...(selector.addresses ?? []).map(String),
    ...(selector['rtt-below'] === undefined ? [] : [`rtt < ${selector['rtt-below']}`]),
    ...(selector['loss-below'] === undefined ? [] : [`loss < ${selector['loss-below']}`]),
    ...(selector.metered === undefined ? [] : [selector.metered ? 'metered' : 'not metered']),
    ...(selector.backup === undefined ? [] : [selector.backup ? 'backup' : 'no backup']),
    ...(copies === undefined ? [] : [`${copies} copies`]),
  ];
  return parts.join(', ') || ANY;
}
