import type { TwoHosts } from './two-hosts.js';

/** `MPIP_SIM_SEED=17` runs that seed alone and prints what the nodes logged; several are separated by commas. */
const only = process.env.MPIP_SIM_SEED?.split(',').map(Number);

/** Seeds from `first`, `count` of them, or those that the environment names. */
export function seeds(first: number, count: number): number[] {
  const all = Array.from({ length: count }, (_, i) => first + i);
  return only === undefined ? all : all.filter((seed) => only.includes(seed));
}

/** Runs one seed; a failure names it and its parameters. */
export function runSeed(hosts: TwoHosts, run: (hosts: TwoHosts) => string[]): string[] {
  let problems: string[];
  try {
    problems = run(hosts);
  } catch (error) {
    problems = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  }
  if (only !== undefined) process.stderr.write(`${report(hosts)}\n`);
  if (problems.length === 0) return [];
  const { seed, ...parameters } = hosts.parameters;
  return [`seed ${seed} (MPIP_SIM_SEED=${seed}): ${problems.join('; ')}\n    ${JSON.stringify(parameters)}`];
}

function report(hosts: TwoHosts): string {
  const lines = [hosts.a, hosts.b].flatMap(({ host }) => [host.mpipd?.logText() ?? `${host.name}: no mpipd`]);
  for (const name of ['a', 'b'] as const) {
    if (hosts[name].host.mpipd !== null) lines.push(JSON.stringify(hosts.status(name), null, 1));
  }
  for (const { name, counters } of hosts.world.links) lines.push(`${name} ${JSON.stringify(counters)}`);
  return lines.join('\n');
}
