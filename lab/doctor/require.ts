import { LabMachineError } from '../error.js';
import { findProgram, isRoot } from './machine.js';

/** What no lab of network namespaces can do without. Throws LabMachineError that says how to get it. */
export function requireMachine(): void {
  const lacks: string[] = [];
  if (!isRoot()) lacks.push('labs of network namespaces need root; run the command with sudo');
  for (const program of ['ip', 'tc']) {
    if (findProgram(program) === undefined) lacks.push(`${program} is not installed; run: apt-get install iproute2`);
  }
  if (lacks.length > 0) throw new LabMachineError(lacks.join('\n'));
}
