import type { FlowMatch, Loss, QueueLimit } from '../topology/topology.js';
import type { Emulator, Plan, PlannedEmulation, PlannedEnd, PlannedNode, PlannedRoute } from './plan.js';

/** A plan for people: nodes with their interfaces, routes and rules, then links with what holds them back. */
export function planTree({ topology, nodes, links, paths }: Plan): string {
  const linkTexts = links.map(({ name, mtu, offloads, emulator, ends: [a, b] }) =>
    [
      `${name} (mtu ${mtu}${EMULATOR_TEXTS[emulator]}${offloads ? ', offloads' : ''})`,
      ...branches([directionText(a, b), directionText(b, a)]),
    ].join('\n'),
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

function directionText(from: PlannedEnd, far: PlannedEnd): string {
  return `${from.node}:${from.interface} -> ${far.node}:${far.interface}  ${directionFigures(from)}`;
}

/** "40mbit, queue 250000 B, delay 10ms": what one direction does to packets. */
export function directionFigures({ shaping, emulation }: Pick<PlannedEnd, 'shaping' | 'emulation'>): string {
  const figures: string[] = [];
  if (shaping !== null) {
    const { rateBps, burstBytes, limitBytes } = shaping;
    figures.push(rateText(rateBps), ...(burstBytes === 0 ? [] : [`burst ${burstBytes} B`]), `queue ${limitBytes} B`);
  } else if (emulation === null || emulation.trace === null) figures.push('unlimited');
  return [...figures, ...(emulation === null ? [] : emulationFigures(emulation))].join(', ');
}

/** "delay 10ms", "loss 1%": what one direction does beside its rate. */
export function emulationFigures({
  delayUs,
  jitterUs,
  loss,
  reorder,
  duplicate,
  trace,
  limit,
}: PlannedEmulation): string[] {
  return [
    ...(trace === null ? [] : [`trace ${trace}`, `queue ${limitText(limit)}`]),
    `delay ${delayUs / 1000}ms`,
    ...(jitterUs === 0 ? [] : [`jitter ${jitterUs / 1000}ms`]),
    ...(loss === null ? [] : [`loss ${lossText(loss)}`]),
    ...(reorder === 0 ? [] : [`reorder ${shareText(reorder)}`]),
    ...(duplicate === 0 ? [] : [`duplicate ${shareText(duplicate)}`]),
  ];
}

/** "1%", "1% in bursts of 8". */
export function lossText(loss: Loss): string {
  return `${shareText(loss.mean)}${loss.model === 'random' ? '' : ` in bursts of ${loss.burst}`}`;
}

export function shareText(share: number): string {
  return `${Number((share * 100).toFixed(4))}%`;
}

export function limitText(limit: QueueLimit): string {
  switch (limit.kind) {
    case 'time':
      return `${limit.us / 1000}ms`;
    case 'bytes':
      return `${limit.bytes} B`;
    case 'packets':
      return `${limit.packets} packets`;
  }
}

const EMULATOR_TEXTS: Readonly<Record<Emulator, string>> = {
  none: '',
  tbf: ', by tbf',
  netem: ', by netem',
  relay: ', by the relay',
};

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
