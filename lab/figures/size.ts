import { Resvg } from '@resvg/resvg-js';

/** Of an SVG, pixels. Throws Error when it is none. */
export function sizeOf(svg: string): { width: number; height: number } {
  const { width, height } = new Resvg(svg, { font: { loadSystemFonts: false } });
  return { width, height };
}
