import { LabMachineError } from '../error.js';
import type { Plan } from '../plan/plan.js';
import { findProgram, isRoot } from './machine.js';

/** What a lab of network namespaces cannot do without. Throws LabMachineError that says how to get it. */
export function requireMachine({ nodes }: Pick<Plan, 'nodes'> = { nodes: [] }): void {
  const lacks: string[] = [];
  if (!isRoot()) lacks.push('labs of network namespaces need root; run the command with sudo');
  for (const program of ['ip', 'tc']) {
    if (findProgram(program) === undefined) lacks.push(`${program} is not installed; run: apt-get install iproute2`);
  }
  if (nodes.some(({ nat, firewall }) => nat !== null || firewall !== null) && findProgram('nft') === undefined) {
    lacks.push('nft (NAT and firewalls) is not installed; run: apt-get install nftables');
  }
  if (lacks.length > 0) throw new LabMachineError(lacks.join('\n'));
}
