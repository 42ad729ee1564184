import type { Command } from 'commander';
import { LabDirectory, labNames } from '../record/directory.js';
import { isAlive } from '../record/identity.js';
import type { LabRecord } from '../record/record.js';
import { table } from './table.js';

interface ListedLab {
  readonly lab: string;
  readonly topology: string;
  readonly state: 'making' | 'up' | 'orphaned';
  readonly nodes: number;
  /** Process id; null: kept. */
  readonly owner: number | null;
  readonly created: string;
}

export function registerList(program: Command): void {
  program
    .command('list')
    .alias('ls')
    .description('labs of this machine')
    .option('--json', 'as JSON')
    .action(({ json }: { json?: true }) => {
      const labs = labNames().map((name) => listed(LabDirectory.open(name).record));
      if (json) process.stdout.write(`${JSON.stringify(labs, null, 2)}\n`);
      else if (labs.length === 0) process.stderr.write('no labs\n');
      else {
        const rows = labs.map(({ lab, topology, state, nodes, owner, created }) => [
          lab,
          topology,
          state,
          String(nodes),
          owner === null ? 'kept' : `process ${owner}`,
          created,
        ]);
        process.stdout.write(`${table(['LAB', 'TOPOLOGY', 'STATE', 'NODES', 'OWNER', 'CREATED'], rows)}\n`);
      }
    });
}

function listed({ lab, topology, state, namespaces, owner, created }: LabRecord): ListedLab {
  const orphaned = owner !== null && !isAlive(owner);
  return {
    lab,
    topology,
    state: orphaned ? 'orphaned' : state,
    nodes: namespaces.length,
    owner: owner?.pid ?? null,
    created,
  };
}
