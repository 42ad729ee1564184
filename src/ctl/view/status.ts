import type { DaemonStatus } from '../../daemon/api.js';
import { span } from './quantity.js';

/** The daemon at a glance: what it is, what it has, and the counters that moved. */
export function statusText(status: DaemonStatus): string {
  const up = status.peers.filter(({ state }) => state === 'up').length;
  const live = status.paths.filter(({ state }) => state === 'live').length;
  const upgraded = status.sessions.filter(({ state }) => state === 'mpip').length;
  return [
    ...section([
      ['node', status.node],
      [
        'mpipd',
        `version ${status.daemon.version}, pid ${status.daemon.pid}, up ${span(status.daemon.uptimeMs * 1000)}`,
      ],
      ['device', `${status.daemon.tun}, UDP port ${status.port}`],
      ['scheduler', status.scheduler],
      ['reorder', status.reorder],
      ['authentication', status.authentication ? 'on' : 'off'],
      ['nodes', `${status.peers.length}, ${up} up`],
      ['paths', `${status.paths.length}, ${live} live`],
      ['sessions', `${status.sessions.length}, ${upgraded} over MPIP`],
    ]),
    ...counters('counters', status.counters),
    ...counters('input and output', status.daemon.io),
  ].join('\n');
}

function counters(title: string, values: Readonly<Record<string, number>>): string[] {
  const moved = Object.entries(values).filter(([, value]) => value !== 0);
  return moved.length === 0
    ? []
    : ['', `${title}:`, ...section(moved.map(([name, value]) => [`  ${name}`, String(value)]))];
}

function section(entries: readonly (readonly [string, string])[]): string[] {
  const size = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${name.padEnd(size)}  ${value}`);
}
