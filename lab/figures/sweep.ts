/** Metrics over a parameter, one panel for each metric, one line for each arm. */
import type { TopLevelSpec } from 'vega-lite';
import type { ResultDocument } from '../results/document.js';
import { unitOfMetric } from '../results/quantity.js';
import { CONFIG, LINES, REFERENCE_COLOR, REFERENCE_DASH } from './style.js';

export interface SweepFigure {
  /** The parameter, a number in each document. */
  readonly over: string;
  /** Of the axis. */
  readonly title?: string | undefined;
  readonly panels: readonly { readonly metric: string; readonly title: string }[];
  readonly marks: readonly ReferenceMark[];
}

/** A number of the paper's. */
export interface ReferenceMark {
  /** The metric of the panel that it stands in. */
  readonly panel: string;
  /** As the panel shows it: Mbit/s, ms or a plain number. */
  readonly value: number;
  readonly label: string;
  /** Where on the axis; absent: all along it. */
  readonly at?: string | number | boolean | undefined;
}

const WIDTH = 640;
const HEIGHT = 170;
/** Room above the largest value, for labels. */
const HEADROOM = 1.15;
const FACTORS = { 'bit/s': 1e-6, s: 1e3, bytes: 1, '': 1 } as const;
const SHAPES = ['circle', 'square', 'triangle-up', 'diamond'];

/** vega-lite specification of the figure. `documents`: one for each value of the parameter. */
export function sweepFigure(documents: readonly ResultDocument[], figure: SweepFigure): TopLevelSpec {
  const first = documents[0];
  if (first === undefined) throw new TypeError('a figure of nothing');
  const labels = Object.values(first.arms).map(({ label }) => label);
  const styles = labels.map((_, i) => LINES[i % LINES.length]!);
  // The points' own legend would say the same again.
  const legend = { orient: 'top', title: null, direction: 'horizontal', offset: 10, symbolType: 'stroke' };
  const range = (values: readonly unknown[]) => ({ type: 'ordinal', domain: labels, range: values });
  const limits = documents.flatMap((document) =>
    document.limit_bps === null ? [] : [{ x: document.parameters[figure.over], value: document.limit_bps / 1e6 }],
  );
  const panels = figure.panels.map(({ metric, title }, i) => {
    const unit = unitOfMetric(metric);
    const rows = documents.flatMap((document) =>
      Object.values(document.arms).flatMap(({ label, metrics }) => {
        const value = metrics[metric];
        return value === undefined
          ? []
          : [{ x: document.parameters[figure.over], value: value * FACTORS[unit], line: label }];
      }),
    );
    const marks = figure.marks.filter(({ panel }) => panel === metric);
    const top = Math.max(...rows.map(({ value }) => value), ...marks.map(({ value }) => value), 1) * HEADROOM;
    const isLast = i === figure.panels.length - 1;
    const x = {
      field: 'x',
      type: 'quantitative',
      axis: { title: isLast ? (figure.title ?? figure.over) : null },
    };
    const y = {
      field: 'value',
      type: 'quantitative',
      scale: { domain: [0, top], nice: false },
      axis: { title, titlePadding: 10, minExtent: 44, tickCount: 5 },
    };
    return {
      width: WIDTH,
      height: HEIGHT,
      layer: [
        ...(unit === 'bit/s' && limits.length > 0
          ? [
              {
                data: { values: limits },
                mark: { type: 'line', color: REFERENCE_COLOR, strokeDash: REFERENCE_DASH },
                encoding: { x, y },
              },
              {
                data: { values: limits.slice(-1) },
                mark: { type: 'text', align: 'right', baseline: 'bottom', dy: -3, fontSize: 10.5, color: '#444444' },
                encoding: { x, y, text: { value: 'limit' } },
              },
            ]
          : []),
        {
          data: { values: rows },
          mark: { type: 'line', point: false },
          encoding: {
            x,
            y,
            color: { field: 'line', type: 'ordinal', scale: range(styles.map(({ color }) => color)), legend },
            strokeDash: { field: 'line', type: 'ordinal', scale: range(styles.map(({ dash }) => dash)), legend },
          },
        },
        {
          data: { values: rows },
          mark: { type: 'point', filled: true, size: 50 },
          encoding: {
            x,
            y,
            color: { field: 'line', type: 'ordinal', scale: range(styles.map(({ color }) => color)), legend: null },
            shape: { field: 'line', type: 'ordinal', scale: range(SHAPES.slice(0, labels.length)), legend: null },
          },
        },
        ...marks.flatMap((mark) => markLayers(mark, x, y)),
      ],
    };
  });
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: {
      text: first.paper === null ? first.title : `${first.paper}: ${first.title}`,
      subtitle: sweepSubtitle(first),
      fontSize: 16,
      subtitleFontSize: 11.5,
      offset: 14,
    },
    vconcat: panels,
    spacing: 18,
    config: CONFIG,
  } as unknown as TopLevelSpec;
}

/** A cross at its place, or a line all along. */
function markLayers({ value, label, at }: ReferenceMark, x: object, y: object): object[] {
  const text = { fontSize: 10.5, color: '#444444', align: 'left', baseline: 'middle', dx: 8 };
  if (at === undefined) {
    return [
      {
        data: { values: [{ value }] },
        mark: { type: 'rule', color: REFERENCE_COLOR, strokeDash: REFERENCE_DASH, strokeWidth: 1.25 },
        encoding: { y },
      },
      {
        data: { values: [{ value }] },
        mark: { ...text, type: 'text', dx: 6 },
        encoding: { x: { value: WIDTH }, y, text: { value: label } },
      },
    ];
  }
  const data = { values: [{ x: at, value }] };
  return [
    { data, mark: { type: 'point', shape: 'cross', size: 90, filled: true, color: '#000000' }, encoding: { x, y } },
    { data, mark: { ...text, type: 'text' }, encoding: { x, y, text: { value: label } } },
  ];
}

/** Machine and time of a run, as lines of a subtitle. */
export function sweepSubtitle({ duration_s, machine, versions, started }: ResultDocument): string[] {
  return [
    [
      `${duration_s} s each`,
      `${machine.cores} cores`,
      `Linux ${machine.kernel}`,
      `Node ${versions.node ?? '?'}`,
      `${started.slice(0, 16).replace('T', ' ')} UTC`,
    ].join(' \u00b7 '),
  ];
}
