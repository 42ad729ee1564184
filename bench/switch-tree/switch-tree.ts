/** 100 hosts on a tree of switches, made and removed by the lab and by Mininet. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { Lab, makePlan, parseTopology } from '../../lab/lab.js';

export const LEAVES = 10;
export const HOSTS_PER_LEAF = 10;
/** Mininet's modules belong to the system's Python, which may not be the first on the search path. */
const PYTHON = '/usr/bin/python3';
const MININET = fileURLToPath(new URL('./tree.py', import.meta.url));

/** Seconds. */
export interface Times {
  readonly up: number;
  readonly down: number;
}

/** In seconds, the record, the reaper and everything else that `mpip-lab up` does included. */
export async function lab(): Promise<Times> {
  const plan = makePlan(parseTopology(topology(), 'switch-tree.yaml'));
  const start = performance.now();
  const tree = await Lab.up(plan);
  const up = performance.now();
  const { stdout } = await tree
    .node('h0')
    .exec(['ping', '-n', '-c', '1', '-W', '2', `10.0.0.${LEAVES * HOSTS_PER_LEAF}`]);
  if (!stdout.includes(' 1 received')) throw new Error('the tree carries no packets');
  const begin = performance.now();
  await tree.down();
  return { up: (up - start) / 1000, down: (performance.now() - begin) / 1000 };
}

/**
 * In namespaces of its own for the network, processes and mounts, since Mininet makes its switches in the network that it runs in
 * and ends processes by name.
 */
export async function mininet(): Promise<Times> {
  const isolated = ['--net', '--pid', '--mount', '--fork', '--mount-proc', '--kill-child'];
  const { stdout } = await execa('unshare', [...isolated, PYTHON, MININET, String(LEAVES), String(HOSTS_PER_LEAF)]);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

/** Why there is nothing to compare with; undefined when there is. */
export function mininetObstacle(): string | undefined {
  if (!existsSync(PYTHON) || spawnSync(PYTHON, ['-c', 'import mininet.net']).status !== 0) {
    return 'Mininet is not installed: apt-get install --no-install-recommends mininet bridge-utils';
  }
  if (spawnSync('brctl', ['--version']).error !== undefined) return 'apt-get install bridge-utils';
  return undefined;
}

function topology(): string {
  const leaves = Array.from({ length: LEAVES }, (_, leaf) => leaf);
  const hosts = Array.from({ length: LEAVES * HOSTS_PER_LEAF }, (_, host) => host);
  return [
    'name: switch-tree',
    'nodes:',
    '  root: { kind: switch, subnet: 10.0.0.0/16 }',
    ...leaves.map((leaf) => `  s${leaf}: { kind: switch }`),
    ...hosts.map((host) => `  h${host}: { kind: host }`),
    'links:',
    ...leaves.map((leaf) => `  t${leaf}: { ends: [root:p${leaf}, s${leaf}:up] }`),
    ...hosts.map((host) => {
      const leaf = Math.floor(host / HOSTS_PER_LEAF);
      return `  l${host}: { ends: [s${leaf}:p${host % HOSTS_PER_LEAF}, h${host}:eth0], addresses: { h${host}: 10.0.0.${host + 1}/16 } }`;
    }),
    '',
  ].join('\n');
}
