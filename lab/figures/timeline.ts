/** Series of workloads over time, one panel for each series, one line for each arm: what scenarios without a full link show. */
import type { TopLevelSpec } from 'vega-lite';
import type { ResultDocument, SeriesRecord } from '../results/document.js';
import { CONFIG, LINES, REFERENCE_COLOR } from './style.js';

const WIDTH = 720;
const HEIGHT = 160;

const SCALES: Readonly<Record<SeriesRecord['unit'], readonly [title: string, factor: number]>> = {
  'bit/s': ['Mbit/s', 1e-6],
  s: ['ms', 1e3],
  bytes: ['bytes', 1],
  '': ['', 1],
};

/** vega-lite specification of the figure. `names`: of the series, in order of panels. */
export function timelineFigure(document: ResultDocument, names: readonly string[]): TopLevelSpec {
  const arms = Object.entries(document.arms);
  const styles = arms.map((_, i) => LINES[i % LINES.length]!);
  const labels = arms.map(([, { label }]) => label);
  const range = (key: 'color' | 'dash' | 'width') => ({
    type: 'ordinal',
    domain: labels,
    range: styles.map((style) => style[key]),
  });
  const legend = { orient: 'top', title: null, direction: 'horizontal', offset: 12 };
  const panels = names.map((name, i) => {
    const unit = arms.flatMap(([, { series }]) => series.find((own) => own.name === name)?.unit ?? [])[0] ?? '';
    const [title, factor] = SCALES[unit];
    const rows = arms.flatMap(([, { label, series }]) =>
      (series.find((own) => own.name === name)?.points ?? []).map(([t, value]) => ({
        t,
        value: value * factor,
        line: label,
      })),
    );
    return {
      title: name,
      width: WIDTH,
      height: HEIGHT,
      layer: [
        eventLayer(document),
        {
          data: { values: rows },
          mark: { type: 'line', interpolate: 'linear', clip: true },
          encoding: {
            x: {
              field: 't',
              type: 'quantitative',
              scale: { domain: [0, document.duration_s], nice: false },
              axis: { title: i === names.length - 1 ? 'Time (s)' : null },
            },
            y: { field: 'value', type: 'quantitative', axis: { title, minExtent: 34, tickCount: 5 } },
            color: { field: 'line', type: 'ordinal', scale: range('color'), legend },
            strokeDash: { field: 'line', type: 'ordinal', scale: range('dash'), legend },
            strokeWidth: { field: 'line', type: 'ordinal', scale: range('width'), legend },
          },
        },
      ],
    };
  });
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: { text: document.title, subtitle: eventTexts(document), fontSize: 16, subtitleFontSize: 11.5, offset: 14 },
    vconcat: panels,
    spacing: 18,
    config: CONFIG,
  } as unknown as TopLevelSpec;
}

/** A line at each event. */
export function eventLayer({ events = [] }: ResultDocument): object {
  return {
    data: { values: events.map(({ at_s }) => ({ t: at_s })) },
    mark: { type: 'rule', color: REFERENCE_COLOR, strokeWidth: 1 },
    encoding: { x: { field: 't', type: 'quantitative' } },
  };
}

/** "8 s: path1 carrier=down", as lines of a subtitle. */
export function eventTexts({ events = [] }: ResultDocument): string[] {
  const texts = events.map(({ at_s, text }) => `${Number(at_s.toFixed(2))} s: ${text}`);
  return texts.length === 0 ? [] : [texts.join(' · ')];
}
