import type { FlowMatch } from '../topology/topology.js';
import type { Plan, PlannedEnd, PlannedNode, PlannedRoute } from './plan.js';

/** A plan for people: nodes with their interfaces, routes and rules, then links with what holds them back. */
export function planTree({ topology, nodes, links, paths }: Plan): string {
  const linkTexts = links.map(({ name, mtu, ends: [a, b] }) =>
    [`${name} (mtu ${mtu})`, ...branches([directionText(a, b), directionText(b, a)])].join('\n'),
  );
  const both = paths.filter(({ from, to }) => nodeIndex(nodes, from) < nodeIndex(nodes, to));
  const pathLines = both.map(({ from, to, source, destination }) => `${from} ${source} - ${to} ${destination}`);
  return [
    topology,
    ...branches([
      ['nodes', ...branches(nodes.map(nodeLines))].join('\n'),
      ['links', ...branches(linkTexts)].join('\n'),
      ...(both.length === 0 ? [] : [['MPIP paths', ...branches(pathLines)].join('\n')]),
    ]),
  ].join('\n');
}

function nodeLines(node: PlannedNode): string {
  const mpip = node.mpip === null ? '' : `, mpip (peers ${node.mpip.peers.join(', ') || 'none'})`;
  return [
    `${node.name} (${node.kind}${mpip})`,
    ...branches([
      ...node.interfaces.map(({ name, link, addresses, bridge }) =>
        [name, ...(bridge === null ? addresses : [`port of ${bridge}`]), `on ${link}`].join(' '),
      ),
      ...middleboxLines(node),
      ...node.routes.map(routeText),
      ...node.rules.map(({ priority, from, table }) => `rule ${priority}: from ${from} lookup ${table}`),
    ]),
  ].join('\n');
}

/** What a router does besides forwarding. */
export function middleboxLines({ nat, firewall }: PlannedNode): string[] {
  const lines: string[] = [];
  if (nat !== null) {
    const { type, outside, forwards, lifetimeS } = nat;
    lines.push(`NAT ${type}, outside ${outside}, mappings live ${lifetimeS.udp} s (UDP), ${lifetimeS.tcp} s (TCP)`);
    lines.push(...forwards.map((own) => `forward ${own.protocol}/${own.port} to ${own.address}:${own.toPort}`));
  }
  if (firewall !== null) {
    const { block, allow, stateful } = firewall;
    if (block.length > 0) lines.push(`firewall blocks ${block.map(flowText).join(', ')}`);
    if (allow.length > 0) lines.push(`firewall allows ${allow.map(flowText).join(', ')}`);
    if (stateful) lines.push('firewall drops what fits no connection');
  }
  return lines;
}

function flowText({ protocol, ports }: FlowMatch): string {
  if (ports === null) return protocol;
  return `${protocol}/${ports[0] === ports[1] ? ports[0] : ports.join('-')}`;
}

function routeText({ table, to, interface: device, via, source }: PlannedRoute): string {
  const words = [table === 'main' ? 'route' : `route in table ${table}:`, to];
  words.push(device === null ? 'unreachable' : `dev ${device}`);
  if (via !== null) words.push(`via ${via}`);
  if (source !== null) words.push(`src ${source}`);
  return words.join(' ');
}

function directionText({ node, interface: device, shaping }: PlannedEnd, far: PlannedEnd): string {
  const ends = `${node}:${device} -> ${far.node}:${far.interface}`;
  if (shaping === null) return `${ends}  unlimited`;
  const { rateBps, burstBytes, limitBytes } = shaping;
  return `${ends}  ${rateText(rateBps)}, burst ${burstBytes} B, queue ${limitBytes} B`;
}

/** "40mbit": a rate (bit/s) as topologies write it. */
export function rateText(bps: number): string {
  const [unit, size] = bps >= 1e9 ? ['gbit', 1e9] : bps >= 1e6 ? ['mbit', 1e6] : ['kbit', 1e3];
  return `${Number((bps / size).toFixed(3))}${unit}`;
}

/** Lines as branches of a tree; a text of several lines is a branch with its own below it. */
function branches(texts: readonly string[]): string[] {
  return texts.flatMap((text, index) => {
    const last = index === texts.length - 1;
    const [head = '', ...rest] = text.split('\n');
    return [`${last ? '└─' : '├─'} ${head}`, ...rest.map((line) => `${last ? '  ' : '│ '} ${line}`)];
  });
}

function nodeIndex(nodes: readonly PlannedNode[], name: string): number {
  return nodes.findIndex((node) => node.name === name);
}
