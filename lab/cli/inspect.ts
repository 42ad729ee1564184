import type { Command } from 'commander';
import { ControlError } from '../../src/daemon/api.js';
import type { LabLink, LabNode } from '../lab.js';
import { RELAY_NODE, relayedLinks } from '../plan/relay.js';
import { directionFigures } from '../plan/tree.js';
import { isAlive } from '../record/identity.js';
import type { LabRecord } from '../record/record.js';
import { Lab } from '../running/lab.js';
import { table } from './table.js';

/** Rows of the table of paths: twenty clients have hundreds. */
const PATHS_SHOWN = 24;

export function registerInspect(program: Command): void {
  program
    .command('inspect')
    .description('nodes, links and processes of a lab')
    .argument('<lab>')
    .option('--json', 'record and plan as JSON')
    .action(async (name: string, { json }: { json?: true }) => {
      const lab = Lab.open(name);
      try {
        if (json) process.stdout.write(`${JSON.stringify({ record: lab.record, plan: lab.plan }, null, 2)}\n`);
        else process.stdout.write(`${await describeLab(lab)}\n`);
      } finally {
        await lab.release();
      }
    });
}

async function describeLab(lab: Lab): Promise<string> {
  const { record } = lab;
  const owner =
    record.owner === null ? 'kept' : `process ${record.owner.pid}${isAlive(record.owner) ? '' : ' (ended)'}`;
  const nodes = await Promise.all(lab.nodes.map((node) => nodeRow(node, record)));
  return [
    `${lab.name}: topology ${record.topology}, ${record.state}, made ${record.created}, ${owner}, files in ${lab.directory}`,
    '',
    table(['NODE', 'KIND', 'NAMESPACE', 'ADDRESSES', 'MPIP'], nodes),
    '',
    table(['LINK', 'FROM', 'TO', 'FIGURES', 'BY'], lab.links.flatMap(linkRows)),
    '',
    ...(await pathTable(lab)),
    ...(relayMissing(lab, record)
      ? [`The relay has ended: nothing passes its links. To start it again: mpip-lab link restart ${lab.name}`, '']
      : []),
    table(
      ['PID', 'NODE', 'COMMAND'],
      record.processes.filter(isAlive).map(({ pid, node, command }) => [String(pid), node, command]),
    ),
  ].join('\n');
}

function relayMissing({ plan }: Lab, { processes }: LabRecord): boolean {
  return relayedLinks(plan).length > 0 && !processes.some((own) => own.node === RELAY_NODE && isAlive(own));
}

async function nodeRow(node: LabNode, { namespaces }: LabRecord): Promise<string[]> {
  const namespace = namespaces.find((own) => own.node === node.name)?.name ?? '';
  const addresses = node.interfaces.map(({ name, addresses: own }) => [name, ...own].join(' ')).join(', ');
  return [node.name, node.kind, namespace, addresses, await mpipText(node)];
}

/** The live paths of all MPIP hosts. */
async function pathTable({ nodes }: Lab): Promise<string[]> {
  const rows = (await Promise.all(nodes.map(pathRows))).flat();
  if (rows.length === 0) return [];
  const hidden = rows.length - PATHS_SHOWN;
  const more = hidden > 0 ? [`and ${hidden} more`] : [];
  return [table(['NODE', 'PATH FROM', 'TO', 'BY', 'MTU'], rows.slice(0, PATHS_SHOWN)), ...more, ''];
}

async function pathRows({ name, mpip }: LabNode): Promise<string[][]> {
  if (mpip === undefined) return [];
  try {
    const { paths } = await mpip.status();
    return paths
      .filter(({ state }) => state === 'live')
      .map(({ source, destination, transport, mtu }) => [
        name,
        source.address,
        destination.address,
        transport,
        mtu === null ? '' : String(mtu),
      ]);
  } catch (error) {
    if (error instanceof ControlError) return [];
    throw error;
  }
}

async function mpipText({ mpip }: LabNode): Promise<string> {
  if (mpip === undefined) return '';
  try {
    const { paths } = await mpip.status();
    return `${paths.filter(({ state }) => state === 'live').length} of ${paths.length} paths live`;
  } catch (error) {
    if (error instanceof ControlError) return 'mpipd does not answer';
    throw error;
  }
}

function linkRows({ name, cut, emulator, ends: [a, b], shaping, emulation }: LabLink): string[][] {
  const row = (from: typeof a, to: typeof a, index: 0 | 1): string[] => [
    name,
    `${from.node}:${from.interface}`,
    `${to.node}:${to.interface}`,
    `${cut ? 'carrier down, ' : ''}${directionFigures({ shaping: shaping[index], emulation: emulation[index] })}`,
    emulator,
  ];
  return [row(a, b, 0), row(b, a, 1)];
}
