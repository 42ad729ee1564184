/** How all figures look: colour-blind safe (Okabe and Ito 2008), told apart without colour by dash and width. */

/** Lines in the order that series get them. Dashes are canvas patterns, [] = solid. */
export const LINES = [
  { color: '#0072B2', dash: [1, 0], width: 1.75 },
  { color: '#D55E00', dash: [7, 3], width: 1.75 },
  { color: '#009E73', dash: [2, 2], width: 1.75 },
  { color: '#CC79A7', dash: [9, 3, 2, 3], width: 1.75 },
  { color: '#56B4E9', dash: [12, 2, 2, 2, 2, 2], width: 1.75 },
  { color: '#E69F00', dash: [3, 6], width: 1.75 },
] as const;

/** The sum of all paths. */
export const TOTAL_LINE = { color: '#000000', dash: [1, 0], width: 3.25 } as const;
/** Capacities and other marks to compare with. */
export const REFERENCE_COLOR = '#6b6b6b';
export const REFERENCE_DASH = [2, 3];

/** From Debian's fonts-dejavu-core; SVG viewers elsewhere take the next that they have. */
export const FONT = 'DejaVu Sans';
const FONT_STACK = `${FONT}, Verdana, sans-serif`;

/** vega-lite's `config`. */
export const CONFIG = {
  background: 'white',
  font: FONT_STACK,
  padding: 16,
  view: { stroke: '#9a9a9a' },
  title: {
    anchor: 'start',
    frame: 'group',
    fontSize: 13,
    fontWeight: 'bold',
    subtitleFontSize: 11,
    subtitleColor: '#444444',
    offset: 8,
  },
  axis: {
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    gridColor: '#e6e6e6',
    domainColor: '#9a9a9a',
    tickColor: '#9a9a9a',
  },
  legend: { labelFontSize: 12, symbolSize: 900, symbolStrokeWidth: 2.5, columnPadding: 24, labelLimit: 300 },
} as const;
