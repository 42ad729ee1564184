/** What a run ran on: without it, figures of two runs do not compare. */
import { cpus, release, totalmem } from 'node:os';
import type { MachineRecord } from './document.js';

export function describeMachine(): MachineRecord {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memory_bytes: totalmem(),
    kernel: release(),
  };
}
