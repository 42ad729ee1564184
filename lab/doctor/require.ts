import type { Plan } from '../plan/plan.js';
import { findProgram, isRoot } from './machine.js';

/** What this machine lacks of all that makes links and namespaces, and how to get it; a line each. */
export function machineLacks({ nodes }: Pick<Plan, 'nodes'>): string[] {
  const lacks: string[] = [];
  if (!isRoot()) lacks.push('labs of network namespaces need root; run the command with sudo');
  for (const program of ['ip', 'tc']) {
    if (findProgram(program) === undefined) lacks.push(`${program} is not installed; run: apt-get install iproute2`);
  }
  if (nodes.some(({ nat, firewall }) => nat !== null || firewall !== null) && findProgram('nft') === undefined) {
    lacks.push('nft (NAT and firewalls) is not installed; run: apt-get install nftables');
  }
  return lacks;
}
