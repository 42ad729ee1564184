import type { LinkEnd, NodeKind } from './topology.js';

/** What shares one layer 2: a link between two nodes that are no switches, or all links that switches join. */
export interface Segment {
  /** Names of links, in the order of the file. */
  readonly links: readonly string[];
  readonly switches: readonly string[];
}

interface Joined {
  readonly name: string;
  readonly ends: readonly [LinkEnd, LinkEnd];
}

/** The segments, and the links that close a loop of switches (frames would circle there for ever). */
export function findSegments(
  kinds: ReadonlyMap<string, NodeKind>,
  links: readonly Joined[],
): { segments: Segment[]; loops: string[] } {
  const parents = new Map<string, string>();
  const root = (key: string): string => {
    const parent = parents.get(key) ?? key;
    return parent === key ? key : root(parent);
  };
  const isSwitch = (node: string): boolean => kinds.get(node) === 'switch';

  const loops: string[] = [];
  for (const { name, ends } of links) {
    const switches = ends.map((end) => end.node).filter(isSwitch);
    const [first, second] = switches.map((node) => root(`switch ${node}`));
    if (first !== undefined && first === second) loops.push(name);
    for (const joined of switches) parents.set(root(`switch ${joined}`), root(`link ${name}`));
  }

  const segments = new Map<string, { links: string[]; switches: string[] }>();
  for (const { name, ends } of links) {
    const key = root(`link ${name}`);
    const segment = segments.get(key) ?? { links: [], switches: [] };
    segments.set(key, segment);
    segment.links.push(name);
    for (const { node } of ends) {
      if (isSwitch(node) && !segment.switches.includes(node)) segment.switches.push(node);
    }
  }
  return { segments: [...segments.values()], loops };
}
