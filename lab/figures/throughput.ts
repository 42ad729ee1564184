/**
 * Throughput over time, one panel for each arm: the paths, their sum, and dashed marks at the paths' capacities. The form of
 * the paper's Figures 4(a) to 4(c). Below it, the weights that MPIP gave its paths.
 */
import type { TopLevelSpec } from 'vega-lite';
import { combinationOf } from '../results/combination.js';
import type { ArmResult, ResultDocument } from '../results/document.js';
import { CONFIG, LINES, REFERENCE_COLOR, REFERENCE_DASH, TOTAL_LINE } from './style.js';
import { eventLayer, eventTexts, titleOf } from './timeline.js';

export interface ThroughputFigure {
  /** Arms in order of panels; those that did not run are left out. The first with MPIP gets the tallest panel. */
  readonly arms: readonly string[];
  /** Name of the workload whose goodput stands in the panels' titles. */
  readonly workload: string;
}

const WIDTH = 720;
const FIRST_HEIGHT = 230;
const HEIGHT = 130;
const WEIGHT_HEIGHT = 90;
/** Room above the largest capacity for its label. */
const HEADROOM = 1.12;
const TOTAL = 'total';

interface Row {
  readonly line: string;
  readonly t: number;
  readonly value: number;
}

interface Mark {
  readonly value: number;
  readonly label: string;
}

/** vega-lite specification of the figure. */
export function throughputFigure(document: ResultDocument, { arms, workload }: ThroughputFigure): TopLevelSpec {
  const shown = arms.filter((arm) => arm in document.arms);
  const series = Object.values(document.arms).flatMap((arm) => arm.series);
  const links = document.links
    .map(({ name }) => name)
    .filter((link) => series.some(({ name }) => name === `${link}.rate`));
  const limited = document.links.flatMap(({ name, rate_bps }) =>
    rate_bps === null || !links.includes(name) ? [] : [{ name, capacity: rate_bps / 1e6 }],
  );
  const whole = limited.reduce((sum, { capacity }) => sum + capacity, 0);
  const top = Math.max(whole, ...peaks(series)) * HEADROOM;
  const capacities = [...new Set(limited.map(({ capacity }) => capacity))].map((value) => {
    const alike = limited.filter(({ capacity }) => capacity === value).map(({ name }) => name);
    return { value, label: `${alike.join(', ')}: ${plain(value)}` };
  });
  const isWhole = limited.length === links.length && links.length > 1;
  const marks = isWhole ? [...capacities, { value: whole, label: `sum: ${plain(whole)}` }] : capacities;
  const time = [0, document.duration_s] as const;

  const weighted = weightsOf(document, shown);
  const tallest = weighted[0] ?? shown[0];
  const panels = shown.map((arm, i) => {
    const last = i === shown.length - 1;
    const result = document.arms[arm]!;
    return panel({
      title: panelTitle(result, workload),
      height: arm === tallest ? FIRST_HEIGHT : HEIGHT,
      rows: rowsOf(result, '.rate', (value) => value / 1e6),
      lines: [...links, TOTAL],
      marks,
      events: eventLayer(document),
      time,
      y: { title: 'Throughput (Mbit/s)', domain: [0, top] },
      timeTitle: last && weighted.length === 0,
    });
  });
  const weights = weighted.map((arm) =>
    panel({
      title: `${document.arms[arm]!.label}: path weights`,
      height: WEIGHT_HEIGHT,
      rows: rowsOf(document.arms[arm]!, '.weight', (value) => value),
      lines: [...links, TOTAL],
      marks: [],
      events: eventLayer(document),
      time,
      y: { title: 'Weight' },
      timeTitle: true,
    }),
  );
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: {
      text: titleOf(document),
      subtitle: subtitle(document),
      fontSize: 16,
      subtitleFontSize: 11.5,
      offset: 14,
    },
    vconcat: [...panels, ...weights],
    spacing: 18,
    config: CONFIG,
  } as unknown as TopLevelSpec;
}

interface PanelOptions {
  readonly title: string;
  readonly height: number;
  readonly rows: Row[];
  readonly lines: readonly string[];
  readonly marks: readonly Mark[];
  /** A layer. */
  readonly events: object;
  readonly time: readonly [number, number];
  readonly y: { readonly title: string; readonly domain?: readonly [number, number] };
  readonly timeTitle: boolean;
}

function panel(options: PanelOptions): object {
  const { title, height, rows, lines, marks, events, time, y, timeTitle } = options;
  const styles = lines.map((line, i) => (line === TOTAL ? TOTAL_LINE : LINES[i % LINES.length]!));
  const guide = { orient: 'top', title: null, direction: 'horizontal', offset: 12 };
  const range = (key: 'color' | 'dash' | 'width') => ({
    type: 'ordinal',
    domain: lines,
    range: styles.map((style) => style[key]),
  });
  const x = {
    field: 't',
    type: 'quantitative',
    scale: { domain: time, nice: false },
    axis: { title: timeTitle ? 'Time (s)' : null },
  };
  const yScale = y.domain === undefined ? { zero: true } : { domain: y.domain, nice: false };
  const yAxis = { title: y.title, titlePadding: 10, minExtent: 34, tickCount: height > 150 ? 7 : 4 };
  return {
    title,
    width: WIDTH,
    height,
    layer: [
      events,
      {
        data: { values: marks },
        mark: { type: 'rule', color: REFERENCE_COLOR, strokeDash: REFERENCE_DASH, strokeWidth: 1.25 },
        encoding: { y: { field: 'value', type: 'quantitative' } },
      },
      {
        data: { values: marks },
        mark: { type: 'text', align: 'left', baseline: 'middle', dx: 6, fontSize: 10.5, color: '#444444' },
        encoding: {
          x: { value: WIDTH },
          y: { field: 'value', type: 'quantitative' },
          text: { field: 'label' },
        },
      },
      {
        data: { values: rows },
        mark: { type: 'line', interpolate: 'linear', clip: true },
        encoding: {
          x,
          y: { field: 'value', type: 'quantitative', scale: yScale, axis: yAxis },
          color: { field: 'line', type: 'ordinal', scale: range('color'), legend: guide },
          strokeDash: { field: 'line', type: 'ordinal', scale: range('dash'), legend: guide },
          strokeWidth: { field: 'line', type: 'ordinal', scale: range('width'), legend: guide },
        },
      },
    ],
  };
}

function rowsOf({ series }: ArmResult, suffix: string, scale: (value: number) => number): Row[] {
  // In the order of drawing: the sum lies below, so that a path that carries all of it stays visible.
  const lineOf = (name: string): string => name.slice(0, -suffix.length);
  return series
    .filter(({ name }) => name.endsWith(suffix))
    .sort((a, b) => Number(lineOf(b.name) === TOTAL) - Number(lineOf(a.name) === TOTAL))
    .flatMap(({ name, points }) => points.map(([t, value]) => ({ line: lineOf(name), t, value: scale(value) })));
}

function weightsOf(document: ResultDocument, arms: readonly string[]): string[] {
  return arms.filter((arm) => document.arms[arm]!.series.some(({ name }) => name.endsWith('.weight')));
}

function peaks(series: ArmResult['series']): number[] {
  return series
    .filter(({ name }) => name.endsWith('.rate'))
    .flatMap(({ points }) => points.map(([, value]) => value / 1e6));
}

function panelTitle({ label, limit_bps, metrics }: ArmResult, workload: string): string {
  const goodput = metrics[`${workload}.goodput_bps`];
  if (goodput === undefined || limit_bps === null) return label;
  const share = ((100 * goodput) / limit_bps).toFixed(1);
  return `${label}: goodput ${(goodput / 1e6).toFixed(1)} Mbit/s, ${share} % of the limit (${(limit_bps / 1e6).toFixed(1)})`;
}

function subtitle(document: ResultDocument): string[] {
  const started = `${document.started.slice(0, 16).replace('T', ' ')} UTC`;
  const combination = combinationOf(document);
  const { machine, versions } = document;
  return [
    ...eventTexts(document),
    [combination, 'rates on the wire at the receiver, capacities dotted'].filter((text) => text !== '').join(' · '),
    [`${machine.cores} cores`, `Linux ${machine.kernel}`, `Node ${versions.node ?? '?'}`, started].join(' · '),
  ];
}

function plain(value: number): string {
  return String(Number(value.toFixed(2)));
}
