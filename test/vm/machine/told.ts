/** What a test in the virtual machine tells those outside of it. */
import { writeSync } from 'node:fs';

/** Set in the virtual machine: the descriptor that records go to. */
export const RECORDS_VARIABLE = 'MPIP_VM_RECORDS';

export interface Told {
  readonly type: 'told';
  readonly name: string;
  readonly value: unknown;
}

export function tell(name: string, value: unknown): void {
  const descriptor = process.env[RECORDS_VARIABLE];
  if (descriptor === undefined) throw new Error('this test runs in a virtual machine only');
  const told: Told = { type: 'told', name, value };
  writeSync(Number(descriptor), `${JSON.stringify(told)}\n`);
}
