/** Series over time: a panel for each, or for some that go together, and a line for each arm. */
import type { TopLevelSpec } from 'vega-lite';
import type { ArmResult, ResultDocument, SeriesRecord } from '../results/document.js';
import { CONFIG, LINES, REFERENCE_COLOR } from './style.js';

const WIDTH = 720;
const HEIGHT = 160;

const SCALES: Readonly<Record<SeriesRecord['unit'], readonly [title: string, factor: number]>> = {
  'bit/s': ['Mbit/s', 1e-6],
  s: ['ms', 1e3],
  bytes: ['bytes', 1],
  '': ['', 1],
};

/** A panel that reaches so far is in seconds. */
const LONG_SECONDS = 2;

export interface Panel {
  readonly title: string;
  /** Names within an arm: "call.forward.fps". */
  readonly series: readonly string[];
}

/** vega-lite specification of the figure. */
export function timelineFigure(document: ResultDocument, wanted: readonly Panel[]): TopLevelSpec {
  const arms = Object.values(document.arms);
  // Arms tell lines apart, series do where there are several in a panel.
  const lineOf = ({ label }: ArmResult, name: string, { series }: Panel): string =>
    series.length === 1 ? label : arms.length === 1 ? name : `${label}: ${name}`;
  const linesOf = (panel: Panel) => arms.flatMap((arm) => panel.series.map((name) => lineOf(arm, name, panel)));
  const labels = [...new Set(wanted.flatMap(linesOf))];
  const styles = labels.map((_, i) => LINES[i % LINES.length]!);
  const range = (key: 'color' | 'dash' | 'width') => ({
    type: 'ordinal',
    domain: labels,
    range: styles.map((style) => style[key]),
  });
  const legend = { orient: 'top', title: null, direction: 'horizontal', offset: 12 };
  const panels = wanted.map((panel, i) => {
    const drawn = arms.flatMap((arm) =>
      panel.series.flatMap((name) => arm.series.filter((own) => own.name === name).map((own) => ({ arm, own }))),
    );
    const [title, factor] = scaleOf(drawn.map(({ own }) => own));
    const rows = drawn.flatMap(({ arm, own }) =>
      own.points.map(([t, value]) => ({ t, value: value * factor, line: lineOf(arm, own.name, panel) })),
    );
    return {
      title: panel.title,
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
              axis: { title: i === wanted.length - 1 ? 'Time (s)' : null },
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
    title: {
      text: titleOf(document),
      subtitle: eventTexts(document),
      fontSize: 16,
      subtitleFontSize: 11.5,
      offset: 14,
    },
    vconcat: panels,
    spacing: 18,
    config: CONFIG,
  } as unknown as TopLevelSpec;
}

/** Of the axis, in the unit of the first series. */
function scaleOf(drawn: readonly SeriesRecord[]): readonly [title: string, factor: number] {
  const unit = drawn[0]?.unit ?? '';
  const long = unit === 's' && drawn.some(({ points }) => points.some(([, value]) => value >= LONG_SECONDS));
  return long ? ['s', 1] : SCALES[unit];
}

/** "Figure 5(a): ..." where there is one in the paper. */
export function titleOf({ title, paper }: ResultDocument): string {
  return paper === null ? title : `${paper}: ${title}`;
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
