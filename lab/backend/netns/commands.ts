/** A plan in the words of ip(8) and tc(8); pure. */
import type {
  Plan,
  PlannedEnd,
  PlannedInterface,
  PlannedLink,
  PlannedNode,
  PlannedRoute,
  Shaping,
} from '../../plan/plan.js';
import { type WireEnd, wires } from '../../plan/relay.js';
import { OFFLOADS } from '../../relay/offloads.js';
import type { BackendCommand } from '../backend.js';
import { netemText } from './netem.js';

export function namespaceName(lab: string, node: string): string {
  return `${lab}-${node}`;
}

export function addNamespaces(lab: string, nodes: readonly string[]): BackendCommand {
  const input = nodes.map((name) => `netns add ${namespaceName(lab, name)}`);
  // -force: what fails is told for each line, not only the first.
  return { command: ['ip', '-force', '-batch', '-'], input };
}

export function deleteNamespaces(names: readonly string[]): BackendCommand {
  return { command: ['ip', '-force', '-batch', '-'], input: names.map((name) => `netns delete ${name}`) };
}

/** Both ends of each link are made in their namespaces, so that none is ever seen on the machine. */
export function addLinks(lab: string, plan: Plan): BackendCommand {
  const input = plan.links.flatMap((link) =>
    wires(plan, link).map(([a, b]) => {
      const end = ({ node, interface: device }: WireEnd): string =>
        `${device} mtu ${link.mtu} netns ${namespaceName(lab, node)}`;
      return `link add name ${end(a)} type veth peer name ${end(b)}`;
    }),
  );
  return { command: ['ip', '-batch', '-'], input };
}

export function bringUp(lab: string, node: PlannedNode): BackendCommand {
  const bridges = [...new Set(node.interfaces.map(({ bridge }) => bridge).filter((name) => name !== null))];
  const input = [
    'link set lo up',
    ...bridges.flatMap((name) => [
      `link add name ${name} type bridge forward_delay 0 stp_state 0 mcast_snooping 0`,
      `link set dev ${name} up`,
    ]),
    ...node.interfaces.flatMap((device) => [
      ...(device.bridge === null ? [] : [`link set dev ${device.name} master ${device.bridge}`]),
      ...addAddresses(device, 'add'),
      `link set dev ${device.name} up`,
    ]),
  ];
  return ipIn(lab, node.name, input);
}

/** Routes say their family by their destination; a batch of rules is of one family. */
export function addRoutes(lab: string, node: PlannedNode): BackendCommand[] {
  const rules = (family: 4 | 6): string[] =>
    node.rules
      .filter((rule) => rule.family === family)
      .map(({ priority, from, table }) => `rule add priority ${priority} from ${from} lookup ${table}`);
  const commands = [
    ipIn(lab, node.name, [...node.routes.map((route) => routeText(route, 'add')), ...rules(4)]),
    ipIn(lab, node.name, rules(6), ['-6']),
  ];
  return commands.filter(({ input }) => input.length > 0);
}

/** What an interface loses when it goes down: its IPv6 addresses and every route over it. */
export function restoreInterface(lab: string, node: PlannedNode, device: string): BackendCommand {
  const planned = node.interfaces.filter(({ name }) => name === device);
  const input = [
    ...planned.flatMap((own) => addAddresses(own, 'replace')),
    ...node.routes.filter((route) => route.interface === device).map((route) => routeText(route, 'replace')),
  ];
  return ipIn(lab, node.name, input);
}

export function setLink(lab: string, node: string, device: string, state: 'up' | 'down'): BackendCommand {
  return ipIn(lab, node, [`link set dev ${device} ${state}`]);
}

/**
 * The shaping of all interfaces of a node by the kernel; undefined when it has none. What is there is changed and keeps its packets and
 * counters, unless it is to be made `anew`.
 */
export function shapeNode(
  lab: string,
  node: string,
  { links }: Pick<Plan, 'links'>,
  anew = false,
): BackendCommand | undefined {
  const input = links.filter(isKernels).flatMap(({ ends, repeatable }) =>
    ends
      .filter((end) => end.node === node)
      .flatMap((end) => {
        const texts = shapeTexts(end, repeatable);
        return anew && texts.length > 0 ? [`qdisc delete dev ${end.interface} root`, ...texts] : texts;
      }),
  );
  if (input.length === 0) return undefined;
  return { command: ['tc', '-netns', namespaceName(lab, node), '-batch', '-'], input };
}

/** Whether the kernel makes the link what it is. */
function isKernels({ emulator }: PlannedLink): boolean {
  return emulator === 'tbf' || emulator === 'netem';
}

/** Interfaces of a node on which packets are packets: those of all links that do not ask for offloads. */
export function interfacesWithoutOffloads(node: string, plan: Pick<Plan, 'links'>): string[] {
  return plan.links
    .filter(({ offloads }) => !offloads)
    .flatMap((link) => wires(plan, link).flat())
    .filter((end) => end.node === node)
    .map((end) => end.interface);
}

/** The same as disableOffloads does without a process. */
export function offloadCommands(lab: string, node: string, plan: Plan): BackendCommand[] {
  return interfacesWithoutOffloads(node, plan).map((device) => ({
    command: [
      ...['ip', 'netns', 'exec', namespaceName(lab, node), 'ethtool', '-K', device],
      ...OFFLOADS.flatMap((offload) => [offload, 'off']),
    ],
    input: [],
  }));
}

export function sysctlCommand(lab: string, { name, sysctls }: PlannedNode): BackendCommand {
  const settings = sysctls.map(([key, value]) => `${key}=${value}`);
  return { command: ['ip', 'netns', 'exec', namespaceName(lab, name), 'sysctl', '-w', ...settings], input: [] };
}

function ipIn(lab: string, node: string, input: readonly string[], options: readonly string[] = []): BackendCommand {
  return { command: ['ip', ...options, '-netns', namespaceName(lab, node), '-batch', '-'], input };
}

function addAddresses({ name, addresses }: PlannedInterface, verb: 'add' | 'replace'): string[] {
  return addresses.map((address) => `address ${verb} ${address} dev ${name}${address.includes(':') ? ' nodad' : ''}`);
}

function routeText({ table, to, interface: device, via, source, metric }: PlannedRoute, verb: string): string {
  const words = [`route ${verb}${device === null ? ' unreachable' : ''} ${to}`];
  if (via !== null) words.push(`via ${via}`);
  if (device !== null) words.push(`dev ${device}`);
  if (source !== null) words.push(`src ${source}`);
  if (metric !== null) words.push(`metric ${metric}`);
  if (table !== 'main') words.push(`table ${table}`);
  return words.join(' ');
}

function shapeTexts({ interface: device, shaping, emulation }: PlannedEnd, seeded: boolean): string[] {
  if (emulation === null) return shaping === null ? [] : [`qdisc replace dev ${device} root ${tbfText(shaping)}`];
  const delay = `qdisc replace dev ${device} root handle 1: netem ${netemText(emulation, seeded)}`;
  return shaping === null ? [delay] : [delay, `qdisc replace dev ${device} parent 1:1 handle 2: ${tbfText(shaping)}`];
}

function tbfText({ rateBps, burstBytes, limitBytes }: Shaping): string {
  return `tbf rate ${rateBps}bit burst ${burstBytes} limit ${limitBytes}`;
}
