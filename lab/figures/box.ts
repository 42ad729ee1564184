/** Box plots of a distribution: groups side by side, one box for each arm. The form of the paper's Figure 4(d). */
import type { TopLevelSpec } from 'vega-lite';
import type { ResultDocument } from '../results/document.js';
import { CONFIG, LINES, REFERENCE_COLOR, REFERENCE_DASH } from './style.js';
import { sweepSubtitle } from './sweep.js';

export interface BoxFigure {
  /** Name of the measure, in bit/s. */
  readonly distribution: string;
  /** The parameter that tells groups apart. */
  readonly by: string;
}

const WIDTH = 190;
const HEIGHT = 320;
const BOX = 34;
/** The axis begins here, in shares of the smallest value. */
const FLOOR = 0.97;

/** vega-lite specification of the figure. `documents`: one for each group. */
export function boxFigure(documents: readonly ResultDocument[], { distribution, by }: BoxFigure): TopLevelSpec {
  const first = documents[0];
  if (first === undefined) throw new TypeError('a figure of nothing');
  const labels = Object.values(first.arms).map(({ label }) => label);
  const mbit = (metrics: Readonly<Record<string, number>>, which: string): number =>
    (metrics[`${distribution}.${which}_bps`] ?? Number.NaN) / 1e6;
  const rowsOf = (document: ResultDocument) =>
    Object.values(document.arms).map(({ label, metrics, limit_bps }) => ({
      arm: label,
      least: mbit(metrics, 'least'),
      q1: mbit(metrics, 'q1'),
      median: mbit(metrics, 'median'),
      q3: mbit(metrics, 'q3'),
      most: mbit(metrics, 'most'),
      limit: limit_bps === null ? null : limit_bps / 1e6,
    }));
  const all = documents.flatMap(rowsOf);
  const numbers = all.flatMap(({ least, most, limit }) => [least, most, limit ?? most]).filter(Number.isFinite);
  const domain = [Math.floor((Math.min(...numbers) * FLOOR) / 5) * 5, Math.ceil(Math.max(...numbers) / 5) * 5];
  const x = {
    field: 'arm',
    type: 'nominal',
    sort: labels,
    axis: { title: null, labelAngle: -35, labelLimit: 140, grid: false },
  };
  const y = (field: string, isFirst: boolean) => ({
    field,
    type: 'quantitative',
    scale: { domain, nice: false },
    axis: { title: isFirst ? 'Goodput in 1 s (Mbit/s)' : null, titlePadding: 10, tickCount: 8 },
  });
  const fill = {
    field: 'arm',
    type: 'nominal',
    scale: { domain: labels, range: labels.map((_, i) => LINES[i % LINES.length]!.color) },
    legend: null,
  };
  const panels = documents.map((document, i) => {
    const values = rowsOf(document);
    const at = (field: string) => y(field, i === 0);
    return {
      title: String(document.parameters[by] ?? ''),
      width: WIDTH,
      height: HEIGHT,
      data: { values },
      layer: [
        ...[
          ['least', 'q1'],
          ['q3', 'most'],
        ].map(([from, to]) => ({
          mark: { type: 'rule', color: '#000000' },
          encoding: { x, y: at(from!), y2: { field: to } },
        })),
        ...['least', 'most'].map((end) => ({
          mark: { type: 'tick', color: '#000000', size: BOX / 2, thickness: 1.25 },
          encoding: { x, y: at(end) },
        })),
        {
          mark: { type: 'bar', size: BOX, stroke: '#000000', strokeWidth: 1, fillOpacity: 0.55 },
          encoding: { x, y: at('q1'), y2: { field: 'q3' }, fill },
        },
        { mark: { type: 'tick', color: '#000000', size: BOX, thickness: 2.5 }, encoding: { x, y: at('median') } },
        {
          mark: { type: 'tick', color: REFERENCE_COLOR, size: BOX + 16, thickness: 1.5, strokeDash: REFERENCE_DASH },
          encoding: { x, y: at('limit') },
        },
      ],
    };
  });
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: {
      text: first.paper === null ? first.title : `${first.paper}: ${first.title}`,
      subtitle: [
        'Box: quartiles and median of goodput in each second once settled; whiskers: least and most; grey marks: the limit',
        ...sweepSubtitle(first),
      ],
      fontSize: 16,
      subtitleFontSize: 11.5,
      offset: 14,
    },
    hconcat: panels,
    spacing: 16,
    config: CONFIG,
  } as unknown as TopLevelSpec;
}
