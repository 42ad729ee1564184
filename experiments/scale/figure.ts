/** Grids over the numbers of interfaces, and lines over the number of sessions. */
import type { TopLevelSpec } from 'vega-lite';
import { CONFIG, LINES } from '../../lab/figures/style.js';
import type { ArmResult, ResultDocument } from '../../lab/results/document.js';
import { SESSIONS } from './transfers.js';

const GRID = 230;
const LINE_WIDTH = 330;
const LINE_HEIGHT = 230;
/** Light enough for black text on all of it. */
const SHADES = ['#F4F8FB', '#8FC1E0'];
const MOST_SESSIONS = SESSIONS.at(-1)!;

export function scaleFigure(document: ResultDocument): TopLevelSpec {
  const arms = Object.values(document.arms);
  const found = (arm: ArmResult): string[] => {
    const { [FOUND]: paths = 0, [TIME]: time = 0, [RTTS]: rtts = 0 } = arm.metrics;
    return [
      `${paths} of ${arm.metrics['paths.expected']} paths`,
      `${(time * 1e3).toFixed(0)} ms`,
      `${rtts.toFixed(2)} RTT`,
    ];
  };
  const carried = (arm: ArmResult): string[] => [`${goodput(arm, MOST_SESSIONS).toFixed(2)} Gbit/s`];
  const { machine, versions, started } = document;
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: {
      text: document.title,
      subtitle: [
        `two hosts at a router; links of 40 to 55 ms for paths, without delay or limit for throughput; ${document.duration_s} s each`,
        [`${machine.cores} cores`, `Linux ${machine.kernel}`, `Node ${versions.node ?? '?'}`, time(started)].join(
          ' · ',
        ),
      ],
      fontSize: 16,
      subtitleFontSize: 11.5,
      offset: 14,
    },
    vconcat: [
      {
        hconcat: [
          grid('Paths: time to all, slowest in its own RTT', arms, found, (arm) => arm.metrics[TIME] ?? 0),
          grid(`Throughput of ${MOST_SESSIONS} sessions`, arms, carried, (arm) => goodput(arm, MOST_SESSIONS)),
        ],
        spacing: 60,
        resolve: APART,
      },
      {
        hconcat: [
          overSessions('Throughput (Gbit/s)', arms, goodput),
          overSessions('CPU of both mpipd (s/Gbit)', arms, (arm, n) => arm.metrics[`sessions${n}.cpu_per_gbit_s`] ?? 0),
        ],
        spacing: 40,
        resolve: APART,
      },
    ],
    spacing: 30,
    resolve: APART,
    config: CONFIG,
  } as unknown as TopLevelSpec;
}

/** Panels with scales and legends of their own. */
const APART = { scale: { color: 'independent', strokeDash: 'independent', strokeWidth: 'independent' } };
const FOUND = 'paths.found';
const TIME = 'paths.time_median_s';
const RTTS = 'paths.slowest_rtts';

function goodput(arm: ArmResult, sessions: number): number {
  return (arm.metrics[`sessions${sessions}.goodput_bps`] ?? 0) / 1e9;
}

function grid(
  title: string,
  arms: readonly ArmResult[],
  text: (arm: ArmResult) => string[],
  shade: (arm: ArmResult) => number,
): object {
  const rows = arms.map((arm) => ({
    client: arm.metrics['client.interfaces'],
    server: arm.metrics['server.interfaces'],
    text: text(arm),
    shade: shade(arm),
  }));
  const axis = { labelAngle: 0, grid: false };
  return {
    title,
    width: GRID * 1.4,
    height: GRID,
    data: { values: rows },
    encoding: {
      x: { field: 'server', type: 'ordinal', axis: { ...axis, title: 'Interfaces of the server' } },
      y: { field: 'client', type: 'ordinal', axis: { ...axis, title: 'Interfaces of the client' } },
    },
    layer: [
      {
        mark: { type: 'rect', stroke: '#9a9a9a' },
        encoding: {
          color: { field: 'shade', type: 'quantitative', scale: { range: SHADES, zero: true }, legend: null },
        },
      },
      {
        mark: {
          type: 'text',
          fontSize: 10.5,
          lineHeight: 14,
          baseline: 'middle',
          dy: -7 * (rows[0]?.text.length ?? 1) + 7,
        },
        encoding: { text: { field: 'text' } },
      },
    ],
  };
}

/** A line for each shape that has as many interfaces at either end. */
function overSessions(
  title: string,
  arms: readonly ArmResult[],
  value: (arm: ArmResult, sessions: number) => number,
): object {
  const square = arms.filter(({ metrics }) => metrics['client.interfaces'] === metrics['server.interfaces']);
  const labels = square.map(({ label }) => label);
  const range = (key: 'color' | 'dash' | 'width') => ({
    type: 'ordinal',
    domain: labels,
    range: labels.map((_, i) => LINES[i % LINES.length]![key]),
  });
  const legend = {
    orient: 'top',
    title: null,
    direction: 'horizontal',
    offset: 6,
    symbolType: 'stroke',
    columnPadding: 12,
  };
  const rows = square.flatMap((arm) =>
    SESSIONS.map((sessions) => ({ sessions, value: value(arm, sessions), line: arm.label })),
  );
  const x = {
    field: 'sessions',
    type: 'quantitative',
    scale: { type: 'log', base: 2, nice: false },
    axis: { title: 'Sessions', values: SESSIONS, format: 'd' },
  };
  const y = {
    field: 'value',
    type: 'quantitative',
    scale: { zero: true },
    axis: { title, minExtent: 34, tickCount: 5 },
  };
  const guided = (key: 'color' | 'dash' | 'width') => ({ field: 'line', type: 'ordinal', scale: range(key), legend });
  return {
    width: LINE_WIDTH,
    height: LINE_HEIGHT,
    data: { values: rows },
    encoding: { x, y },
    layer: [
      {
        mark: { type: 'line' },
        encoding: { color: guided('color'), strokeDash: guided('dash'), strokeWidth: guided('width') },
      },
      {
        mark: { type: 'point', filled: true, size: 30, opacity: 1 },
        encoding: { color: guided('color'), strokeDash: guided('dash'), strokeWidth: guided('width') },
      },
    ],
  };
}

function time(started: string): string {
  return `${started.slice(0, 16).replace('T', ' ')} UTC`;
}
