/** A vega-lite specification to SVG and PNG, without a browser. */
import { Resvg } from '@resvg/resvg-js';
import * as vega from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Figure } from '../results/store.js';
import { FONT } from './style.js';
import { textWidth } from './text-width.js';

/** PNG pixels per unit of the SVG: sharp on paper at 15 cm width. */
const SCALE = 2;

/** Without a canvas vega takes every character for 0.8 em wide, which leaves gaps beside every text. */
const metrics = (vega as unknown as { textMetrics: { width(item: TextItem, text?: string): number } }).textMetrics;
metrics.width = (item, text) =>
  textWidth(String(text ?? item.text ?? ''), item.fontSize ?? 11, /bold|[6-9]00/.test(String(item.fontWeight ?? '')));

interface TextItem {
  readonly text?: unknown;
  readonly fontSize?: number;
  readonly fontWeight?: string | number;
}

/** Throws what vega throws on a wrong specification. */
export async function renderFigure(spec: TopLevelSpec): Promise<Figure> {
  const logger = vega.logger(vega.Error);
  const view = new vega.View(vega.parse(compile(spec, { logger }).spec), { renderer: 'none', logger });
  try {
    const svg = await view.toSVG();
    return { svg, png: renderPng(svg) };
  } finally {
    view.finalize();
  }
}

/** An SVG as PNG, at twice its size. */
export function renderPng(svg: string): Uint8Array {
  const image = new Resvg(svg, {
    fitTo: { mode: 'zoom', value: SCALE },
    font: { loadSystemFonts: true, defaultFontFamily: FONT, sansSerifFamily: FONT },
  });
  return image.render().asPng();
}
