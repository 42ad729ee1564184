/** What a set of ways carries together. Pure. */
import type { PlannedEnd } from './plan.js';
import type { Way } from './ways.js';

/**
 * bit/s at most over all ways together, Ethernet headers counted: each by its slowest link, and what they share counted once (the maximum flow
 * through their links). null: nothing holds one of them back, or what does is a trace.
 */
export function capacityOf(ways: readonly Way[]): number | null {
  const edges = new Map<string, Edge>();
  for (const { hops } of ways) {
    for (const { link, from } of hops) {
      const end = link.ends[from];
      if (end.emulation !== null && end.emulation.trace !== null) return null;
      const rest = end.shaping?.rateBps ?? Number.POSITIVE_INFINITY;
      const far = link.ends[from === 0 ? 1 : 0];
      edges.set(`${link.name} ${from}`, { from: end.node, to: far.node, rest, back: 0 });
    }
  }
  const [first] = ways;
  const start = first?.hops[0];
  const last = first?.hops[first.hops.length - 1];
  if (start === undefined || last === undefined) return null;
  const source = start.link.ends[start.from].node;
  const sink = last.link.ends[last.from === 0 ? 1 : 0].node;
  let total = 0;
  for (;;) {
    const path = augmenting([...edges.values()], source, sink);
    if (path === null) return total;
    const more = Math.min(...path.map(({ edge, forward }) => (forward ? edge.rest : edge.back)));
    if (more === Number.POSITIVE_INFINITY) return null;
    for (const { edge, forward } of path) {
      edge.rest += forward ? -more : more;
      edge.back += forward ? more : -more;
    }
    total += more;
  }
}

/** bit/s of the slowest link of a way; null as above. */
export function rateOf(way: Way): number | null {
  return capacityOf([way]);
}

/** What is left of a link, and what can be taken back. */
interface Edge {
  readonly from: PlannedEnd['node'];
  readonly to: PlannedEnd['node'];
  rest: number;
  back: number;
}

interface Step {
  readonly edge: Edge;
  readonly forward: boolean;
}

/** The shortest way from source to sink on which there is something left (Edmonds and Karp). */
function augmenting(edges: readonly Edge[], source: string, sink: string): Step[] | null {
  const open: { node: string; steps: Step[] }[] = [{ node: source, steps: [] }];
  const seen = new Set([source]);
  for (let at = open.shift(); at !== undefined; at = open.shift()) {
    if (at.node === sink) return at.steps;
    for (const edge of edges) {
      for (const forward of [true, false]) {
        const [from, to, left] = forward ? [edge.from, edge.to, edge.rest] : [edge.to, edge.from, edge.back];
        if (from !== at.node || left <= 0 || seen.has(to)) continue;
        seen.add(to);
        open.push({ node: to, steps: [...at.steps, { edge, forward }] });
      }
    }
  }
  return null;
}
