/** A plan as SVG: nodes with their interfaces, links with what holds them back. */
import { basename } from 'node:path';
import type { Plan, PlannedEnd, PlannedLink, PlannedNode } from '../plan/plan.js';
import { emulationFigures, middleboxLines, rateText } from '../plan/tree.js';
import { FONT } from './style.js';
import { textWidth } from './text-width.js';
import { type Box, FONT_SIZE, LINE_HEIGHT, layOut, type Port, type Wire } from './topology-layout.js';

const FILL: Readonly<Record<PlannedNode['kind'], string>> = { host: '#E3EEF7', router: '#FBEBDD', switch: '#EDEDED' };
const STROKE: Readonly<Record<PlannedNode['kind'], string>> = {
  host: '#0072B2',
  router: '#D55E00',
  switch: '#6b6b6b',
};
const TITLE_HEIGHT = 34;
const DEFAULT_MTU = 1500;
/** Where along a link its text may stand, best first. */
const PLACES = [0.5, 0.38, 0.62, 0.28, 0.72, 0.2, 0.8];

export function topologyDrawing(plan: Plan): string {
  const { width, height, boxes, wires } = layOut(plan, { node: nodeLines, link: linkLines });
  const total = Math.ceil(Math.max(width, textWidth(plan.topology, 15, true) + 40));
  const labels = placeLabels(wires);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${total}" height="${Math.ceil(height + TITLE_HEIGHT)}" viewBox="0 0 ${total} ${Math.ceil(height + TITLE_HEIGHT)}" font-family="${FONT}, Verdana, sans-serif" font-size="${FONT_SIZE}">`,
    `<title>${escaped(plan.topology)}</title>`,
    '<rect width="100%" height="100%" fill="white"/>',
    text(20, 26, plan.topology, 'font-size="15" font-weight="bold"'),
    `<g transform="translate(0 ${TITLE_HEIGHT})">`,
    ...wires.map(
      (wire) =>
        `<path d="${curve(wire)}" fill="none" stroke="#555555" stroke-width="1.5"${wire.link.cut ? ' stroke-dasharray="2 5"' : ''}/>`,
    ),
    ...boxes.flatMap(drawBox),
    ...labels.flatMap(drawLabel),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

function nodeLines(node: PlannedNode): string[] {
  return [node.mpip === null ? node.kind : `${node.kind}, MPIP`, ...middleboxLines(node)];
}

function linkLines({ name, mtu, ends, cut }: PlannedLink, reversed: boolean): string[] {
  const [there, back] = (reversed ? [ends[1], ends[0]] : ends).map(figures) as [string, string];
  const both =
    there === back ? [there === '' ? 'unlimited' : there] : [`→ ${there || 'unlimited'}`, `← ${back || 'unlimited'}`];
  return [name, ...both, ...(mtu === DEFAULT_MTU ? [] : [`mtu ${mtu}`]), ...(cut ? ['carrier down'] : [])];
}

/** What holds back what leaves an end. */
function figures({ shaping, emulation }: PlannedEnd): string {
  const rate = shaping === null ? [] : [rateText(shaping.rateBps)];
  if (emulation === null) return rate.join(', ');
  const trace = emulation.trace === null ? null : basename(emulation.trace);
  return [...rate, ...emulationFigures({ ...emulation, trace })].join(', ');
}

function drawBox({ node, lines, x, y, width, height, ports }: Box): string[] {
  const head = [
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="5" fill="${FILL[node.kind]}" stroke="${STROKE[node.kind]}" stroke-width="1.5"/>`,
    text(x + width / 2, y + 20, node.name, `font-size="${FONT_SIZE + 2}" font-weight="bold" text-anchor="middle"`),
    ...lines.map((line, index) =>
      text(x + width / 2, y + 34 + index * LINE_HEIGHT, line, 'fill="#444444" text-anchor="middle"'),
    ),
  ];
  return [...head, ...ports.flatMap(drawPort)];
}

function drawPort({ interface: device, addresses, side, x, y }: Port): string[] {
  const anchor = side === 'left' ? 'start' : 'end';
  const at = side === 'left' ? x + 9 : x - 9;
  const lines = [device, ...addresses];
  const first = y - ((lines.length - 1) * LINE_HEIGHT) / 2 + FONT_SIZE / 3;
  return [
    `<circle cx="${x}" cy="${y}" r="3.5" fill="white" stroke="#555555" stroke-width="1.5"/>`,
    ...lines.map((line, index) =>
      text(at, first + index * LINE_HEIGHT, line, `text-anchor="${anchor}"${index === 0 ? '' : ' fill="#444444"'}`),
    ),
  ];
}

interface Label {
  readonly lines: readonly string[];
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Each text beside the middle of its link, or where it covers no other. */
function placeLabels(wires: readonly Wire[]): Label[] {
  const placed: Label[] = [];
  for (const wire of wires) {
    const width = Math.max(...wire.lines.map((line, index) => textWidth(line, FONT_SIZE, index === 0))) + 8;
    const height = wire.lines.length * LINE_HEIGHT + 4;
    const candidates = PLACES.map((share): Label => {
      const { x, y } = pointAt(wire, share);
      return { lines: wire.lines, x: x - width / 2, y: y - height / 2, width, height };
    });
    const free = candidates.find((own) => !placed.some((other) => covers(own, other)));
    placed.push(free ?? (candidates[0] as Label));
  }
  return placed;
}

function covers(a: Label, b: Label): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function drawLabel({ lines, x, y, width, height }: Label): string[] {
  return [
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="3" fill="white" fill-opacity="0.92"/>`,
    ...lines.map((line, index) =>
      text(
        x + width / 2,
        y + 13 + index * LINE_HEIGHT,
        line,
        `text-anchor="middle"${index === 0 ? ' font-weight="bold"' : ''}`,
      ),
    ),
  ];
}

type Point = { readonly x: number; readonly y: number };

/** A cubic Bezier curve that leaves each port at a right angle. */
function controls({ from, to }: Wire): [Point, Point, Point, Point] {
  const reach = from.side === to.side ? 70 : (to.x - from.x) / 2.5;
  const beside = ({ side, x, y }: Port): Point => ({ x: side === 'left' ? x - reach : x + reach, y });
  return [from, beside(from), beside(to), to];
}

function curve(wire: Wire): string {
  const [a, b, c, d] = controls(wire).map(({ x, y }) => `${x} ${y}`);
  return `M ${a} C ${b}, ${c}, ${d}`;
}

function pointAt(wire: Wire, share: number): Point {
  const weights = [(1 - share) ** 3, 3 * share * (1 - share) ** 2, 3 * share ** 2 * (1 - share), share ** 3];
  const sum = (of: (point: Point) => number): number =>
    controls(wire).reduce((total, point, index) => total + of(point) * (weights[index] as number), 0);
  return { x: sum(({ x }) => x), y: sum(({ y }) => y) };
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x}" y="${y}" ${attributes}>${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
