/** The checks that a grammar cannot make: names that must exist, things that must not meet twice, addresses that must fit. */
import { nearest } from '../../src/document/nearest.js';
import { giveAddresses } from './addressing.js';
import { checkDirection, directionOf, settingsOf } from './directions.js';
import { checkMiddleboxes, middleboxesOf } from './middlebox.js';
import type { Report } from './report.js';
import type { DirectionDocument, LinkDocument, TopologyDocument } from './schema.js';
import { findSegments } from './segments.js';
import type { Direction, LinkEnd, Topology, TopologyLink, TopologyNode } from './topology.js';

/** MTU of Ethernet, bytes of an IP packet. */
const DEFAULT_MTU = 1500;
/** RFC 8200, section 5. */
const IPV6_MTU_MIN = 1280;

/** The topology of a document that fits the grammar; usable when nothing was reported. */
export function checkTopology(document: TopologyDocument, reportProblem: Report): Topology {
  let problems = 0;
  const report: Report = (...problem) => {
    problems++;
    reportProblem(...problem);
  };
  const kinds = new Map(Object.entries(document.nodes).map(([name, { kind }]) => [name, kind]));
  if (kinds.size === 0) report(['nodes'], 'a topology needs at least one node', 'key');

  const taken = new Map<string, string>();
  const sound = new Map<string, LinkDocument>();
  for (const [name, link] of Object.entries(document.links)) {
    if (checkEnds(document, name, link, taken, report)) sound.set(name, link);
  }

  const { segments, loops } = findSegments(
    kinds,
    [...sound].map(([name, { ends }]) => ({ name, ends })),
  );
  for (const name of loops)
    report(['links', name, 'ends'], 'closes a loop of switches, in which frames circle for ever');
  const addresses = giveAddresses(document, segments, report);

  const topology: Topology = {
    name: document.name,
    seed: document.seed,
    backend: document.backend ?? null,
    nodes: Object.entries(document.nodes).map(([name, node]) => nodeOf(name, node)),
    links: [...sound].map(([name, link]): TopologyLink => {
      const given = addresses.get(name) ?? [[], []];
      const mtu = link.mtu ?? DEFAULT_MTU;
      if (mtu < IPV6_MTU_MIN && given.flat().some(({ family }) => family === 6)) {
        report(['links', name, 'mtu'], `${mtu} is too small for the link's IPv6 addresses; at least ${IPV6_MTU_MIN}`);
      }
      const directions = directionsOf(name, link, report);
      const offloads = link.offloads ?? false;
      if (offloads && directions.some(({ rateBps, emulation }) => rateBps !== null || emulation !== null)) {
        report(['links', name, 'offloads'], 'is for plain wires: a rate and an emulator need packets that are packets');
      }
      return { name, ends: link.ends, addresses: given, mtu, offloads, directions };
    }),
  };
  checkMiddleboxes(document, topology, problems === 0, report);
  return topology;
}

function nodeOf(name: string, node: TopologyDocument['nodes'][string]): TopologyNode {
  const mpip = node.kind === 'host' ? node.mpip : false;
  const sysctls = node.kind === 'switch' ? {} : (node.sysctls ?? {});
  return {
    name,
    kind: node.kind,
    mpip: mpip === true ? {} : mpip === false || mpip === undefined ? null : mpip,
    sysctls: Object.fromEntries(Object.entries(sysctls).map(([key, value]) => [key, String(value)])),
    ...middleboxesOf(node),
  };
}

/** False when the link cannot take part in further checks. */
function checkEnds(
  { nodes }: TopologyDocument,
  name: string,
  { ends }: LinkDocument,
  taken: Map<string, string>,
  report: Report,
): boolean {
  let sound = true;
  ends.forEach((end, index) => {
    const path = ['links', name, 'ends', index];
    if (!(end.node in nodes)) {
      const meant = nearest(end.node, Object.keys(nodes));
      const hint = meant === undefined ? ';' : `, did you mean ${JSON.stringify(meant)}?`;
      report(path, `unknown node ${JSON.stringify(end.node)}${hint} nodes: ${Object.keys(nodes).join(', ')}`);
      sound = false;
    }
    const key = endText(end);
    const other = taken.get(key);
    if (other !== undefined) {
      report(
        path,
        `interface ${key} is ${other === name ? 'both ends of this link' : `an end of links.${other} already`}`,
      );
      sound = false;
    } else taken.set(key, name);
  });
  if (sound && ends[0].node === ends[1].node) {
    report(['links', name, 'ends'], `both ends are at node ${ends[0].node}; a link joins two nodes`);
    sound = false;
  }
  return sound;
}

function directionsOf(name: string, link: LinkDocument, report: Report): [Direction, Direction] {
  const apart: [DirectionDocument | undefined, DirectionDocument | undefined] = [undefined, undefined];
  const nodes = link.ends.map((end) => end.node);
  for (const key of Object.keys(link).filter((text) => text.includes('->'))) {
    const [from, to, ...rest] = key.split('->').map((text) => text.trim());
    const index = from === nodes[0] && to === nodes[1] ? 0 : from === nodes[1] && to === nodes[0] ? 1 : undefined;
    const [a, b] = nodes;
    if (index === undefined || rest.length > 0) {
      report(['links', name, key], `is no direction of this link; allowed: ${a}->${b}, ${b}->${a}`, 'key');
    } else if (apart[index] !== undefined) report(['links', name, key], 'this direction stands here twice', 'key');
    else apart[index] = (link as Record<string, unknown>)[key] as DirectionDocument;
  }
  // What is written once for both directions is one problem.
  const told = new Set<string>();
  const tell: Report = (path, message, at) => {
    if (!told.has(path.join())) report(path, message, at);
    told.add(path.join());
  };
  const [first, second] = apart.map((own, index): Direction => {
    const settings = settingsOf(link, own);
    // Where the file has the key that a problem is about.
    checkDirection(settings, tell, (key) =>
      own?.[key] === undefined ? ['links', name, key] : ['links', name, `${nodes[index]}->${nodes[1 - index]}`, key],
    );
    return directionOf(settings);
  }) as [Direction, Direction];
  const waits = [first, second].some(({ rateBps, emulation }) => rateBps !== null || emulation?.trace != null);
  if (link.limit !== undefined && !waits) {
    report(['links', name, 'limit'], 'has no effect without a rate: nothing waits in front of such a link', 'key');
  }
  return [first, second];
}

function endText({ node, interface: device }: LinkEnd): string {
  return `${node}:${device}`;
}
