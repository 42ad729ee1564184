/**
 * Where nodes, ports and links of a topology stand in a drawing: columns by distance from the first node, so that a packet's way
 * reads from left to right; in each column nodes in the order of what they are joined to, so that few links cross.
 */
import type { Plan, PlannedLink, PlannedNode } from '../plan/plan.js';
import { textWidth } from './text-width.js';

/** An interface at the edge of its node's box. */
export interface Port {
  readonly interface: string;
  readonly addresses: readonly string[];
  readonly side: 'left' | 'right';
  readonly x: number;
  readonly y: number;
}

export interface Box {
  readonly node: PlannedNode;
  readonly lines: readonly string[];
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly ports: readonly Port[];
}

export interface Wire {
  readonly link: PlannedLink;
  readonly from: Port;
  readonly to: Port;
  /** From left to right where the ends are in different columns. */
  readonly reversed: boolean;
  readonly lines: readonly string[];
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly wires: readonly Wire[];
}

export const FONT_SIZE = 11;
export const LINE_HEIGHT = 14;
const PADDING = 10;
const MARGIN = 20;
const NODE_GAP = 26;
const TITLE_HEIGHT = 18;
/** Between columns at least, besides what the names of links take. */
const WIRE_GAP = 90;
const SWEEPS = 6;

export interface Texts {
  /** Below the name of a node. */
  node(node: PlannedNode): readonly string[];
  /** Beside a link whose ends are drawn in this order. */
  link(link: PlannedLink, reversed: boolean): readonly string[];
}

interface Draft {
  readonly node: PlannedNode;
  readonly column: number;
  readonly left: string[];
  readonly right: string[];
  height: number;
  y: number;
}

export function layOut(plan: Plan, texts: Texts): Layout {
  const columns = columnsOf(plan);
  const drafts = new Map<string, Draft>();
  for (const node of plan.nodes) {
    const column = columns.get(node.name) ?? 0;
    drafts.set(node.name, { node, column, left: [], right: [], height: 0, y: 0 });
  }
  const wires = plan.links.map((link) => {
    const [a, b] = link.ends.map(({ node }) => drafts.get(node) as Draft) as [Draft, Draft];
    const reversed = a.column > b.column;
    const [from, to] = reversed ? [b, a] : [a, b];
    const [start, end] = reversed ? [link.ends[1], link.ends[0]] : link.ends;
    from.right.push(start.interface);
    (from.column === to.column ? to.right : to.left).push(end.interface);
    return { link, reversed, from, to, start: start.interface, end: end.interface };
  });

  const lanes: Draft[][] = [];
  for (const draft of drafts.values()) {
    lanes[draft.column] ??= [];
    lanes[draft.column]?.push(draft);
    draft.height = heightOf(draft, texts);
  }
  stack(lanes);
  for (let sweep = 0; sweep < SWEEPS; sweep++) arrange(lanes, wires, texts);

  const widths = lanes.map((lane) => Math.max(...lane.map((draft) => widthOf(draft, texts))));
  const gaps = lanes.map((_, column) => {
    const labels = wires
      .filter(({ from }) => from.column === column)
      .flatMap(({ link, reversed }) => texts.link(link, reversed));
    return WIRE_GAP + Math.max(0, ...labels.map((text) => textWidth(text, FONT_SIZE, true)));
  });
  let x = MARGIN;
  const lefts = lanes.map((_, column) => {
    const left = x;
    x += (widths[column] ?? 0) + (gaps[column] ?? 0);
    return left;
  });
  const boxes = new Map<string, Box>();
  for (const draft of drafts.values()) {
    const own = { x: lefts[draft.column] ?? 0, width: widths[draft.column] ?? 0 };
    boxes.set(draft.node.name, boxOf(draft, own, texts));
  }
  const port = (draft: Draft, device: string): Port =>
    boxes.get(draft.node.name)?.ports.find((own) => own.interface === device) as Port;
  const bulges = wires.some(({ from, to }) => from.column === to.column && from.column === lanes.length - 1);
  const right = Math.max(...[...boxes.values()].map((box) => box.x + box.width));
  return {
    width: right + MARGIN + (bulges ? (gaps[lanes.length - 1] ?? 0) : 0),
    height: Math.max(...[...boxes.values()].map((box) => box.y + box.height)) + MARGIN,
    boxes: [...boxes.values()],
    wires: wires.map(({ link, reversed, from, to, start, end }) => ({
      link,
      reversed,
      from: port(from, start),
      to: port(to, end),
      lines: texts.link(link, reversed),
    })),
  };
}

/** Links between a node and the first one of its part of the network. */
function columnsOf({ nodes, links }: Plan): Map<string, number> {
  const columns = new Map<string, number>();
  for (const { name } of nodes) {
    if (columns.has(name)) continue;
    columns.set(name, 0);
    for (const queue = [name]; queue.length > 0; ) {
      const node = queue.shift() as string;
      for (const { ends } of links) {
        const near = ends.findIndex((end) => end.node === node);
        const far = ends[near === 0 ? 1 : 0].node;
        if (near < 0 || columns.has(far)) continue;
        columns.set(far, (columns.get(node) ?? 0) + 1);
        queue.push(far);
      }
    }
  }
  return columns;
}

type DraftWire = { from: Draft; to: Draft; start: string; end: string };

/** Nodes and ports in the order of the heights that they are joined to, from what stands now. */
function arrange(lanes: readonly Draft[][], wires: readonly DraftWire[], texts: Texts): void {
  const heights = new Map<string, number>();
  const height = (draft: Draft, device: string): number => {
    const side = draft.left.includes(device) ? draft.left : draft.right;
    return draft.y + portOffset(draft, texts, side.indexOf(device));
  };
  const key = (draft: Draft, device: string): string => `${draft.node.name} ${device}`;
  for (const { from, to, start, end } of wires) {
    heights.set(key(from, start), height(to, end));
    heights.set(key(to, end), height(from, start));
  }
  for (const lane of lanes) {
    const centre = (draft: Draft): number => {
      const joined = [...draft.left, ...draft.right].map((device) => heights.get(key(draft, device)) ?? 0);
      return joined.length === 0 ? draft.y : joined.reduce((sum, y) => sum + y, 0) / joined.length;
    };
    lane.sort((a, b) => centre(a) - centre(b));
    for (const draft of lane) {
      for (const side of [draft.left, draft.right]) {
        side.sort((a, b) => (heights.get(key(draft, a)) ?? 0) - (heights.get(key(draft, b)) ?? 0));
      }
    }
  }
  stack(lanes);
}

/** Each column from the top, all centred on the tallest. */
function stack(lanes: readonly Draft[][]): void {
  const total = (lane: readonly Draft[]): number =>
    lane.reduce((sum, { height }) => sum + height + NODE_GAP, -NODE_GAP);
  const tallest = Math.max(0, ...lanes.map(total));
  for (const lane of lanes) {
    let y = MARGIN + (tallest - total(lane)) / 2;
    for (const draft of lane) {
      draft.y = y;
      y += draft.height + NODE_GAP;
    }
  }
}

function addressesOf({ node }: Draft, device: string): readonly string[] {
  return node.interfaces.find(({ name }) => name === device)?.addresses ?? [];
}

/** Lines that the ports of a node take each: name and addresses. */
function portLines(draft: Draft): number {
  return 1 + Math.max(0, ...[...draft.left, ...draft.right].map((device) => addressesOf(draft, device).length));
}

function headHeight({ node }: Draft, texts: Texts): number {
  return PADDING + TITLE_HEIGHT + texts.node(node).length * LINE_HEIGHT + 4;
}

function portOffset(draft: Draft, texts: Texts, index: number): number {
  const pitch = portLines(draft) * LINE_HEIGHT + 6;
  return headHeight(draft, texts) + index * pitch + (portLines(draft) * LINE_HEIGHT) / 2;
}

function heightOf(draft: Draft, texts: Texts): number {
  const rows = Math.max(draft.left.length, draft.right.length);
  return headHeight(draft, texts) + rows * (portLines(draft) * LINE_HEIGHT + 6) + PADDING / 2;
}

function widthOf(draft: Draft, texts: Texts): number {
  const width = (lines: readonly string[]): number =>
    Math.max(0, ...lines.map((line) => textWidth(line, FONT_SIZE, false)));
  const side = (devices: readonly string[]): number =>
    width(devices.flatMap((device) => [device, ...addressesOf(draft, device)]));
  const head = Math.max(textWidth(draft.node.name, FONT_SIZE + 2, true), width(texts.node(draft.node)));
  const between = draft.left.length > 0 && draft.right.length > 0 ? 2 * PADDING : 0;
  return Math.max(head, side(draft.left) + between + side(draft.right)) + 2 * PADDING;
}

function boxOf(draft: Draft, { x, width }: { x: number; width: number }, texts: Texts): Box {
  const ports = (['left', 'right'] as const).flatMap((side) =>
    draft[side].map(
      (device, index): Port => ({
        interface: device,
        addresses: addressesOf(draft, device),
        side,
        x: side === 'left' ? x : x + width,
        y: draft.y + portOffset(draft, texts, index),
      }),
    ),
  );
  return { node: draft.node, lines: texts.node(draft.node), x, y: draft.y, width, height: draft.height, ports };
}
