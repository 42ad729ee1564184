/** Takes a lab down from its record alone: in any process, at any time, as often as one likes. */
import type { Backend } from '../backend/backend.js';
import { LabError } from '../error.js';
import { LabDirectory, labNames, removeRemainders } from './directory.js';
import { endProcesses } from './end-processes.js';
import { bootId, findProcesses, isAlive } from './identity.js';
import { type LabRecord, markerOf } from './record.js';

/** Throws LabError (E_LAB_UNKNOWN) when there is no such lab, which is also how a second `down` ends. */
export async function takeDown(lab: string, backends: Backends): Promise<void> {
  await takeDownDirectory(LabDirectory.open(lab), backends);
}

/** Takes all labs down, and what a crash left of their files. Returns their names. */
export async function takeAllDown(backends: Backends): Promise<string[]> {
  const labs = labNames();
  for (const lab of labs) {
    try {
      await takeDown(lab, backends);
    } catch (error) {
      // Somebody else was faster.
      if (!(error instanceof LabError) || error.code !== 'E_LAB_UNKNOWN') throw error;
    }
  }
  removeRemainders();
  return labs;
}

export type Backends = (record: LabRecord) => Backend;

/** Takes down what a directory's record names, as it is in memory: the files may be gone already. Idempotent. */
export async function takeDownDirectory(directory: LabDirectory, backends: Backends): Promise<void> {
  const { record } = directory;
  const sameBoot = record.boot === bootId();
  // The machine has been restarted: everything but the files is gone, and the names may be somebody else's.
  if (sameBoot) {
    const backend = backends(record);
    const marker = markerOf(record);
    await endProcesses(() => {
      const running = findProcesses(marker, backend.namespaces(record));
      const pids = new Set(running.map(({ pid }) => pid));
      return [...running, ...record.processes.filter((own) => !pids.has(own.pid) && isAlive(own))];
    });
    await backend.destroy(record);
  }
  directory.remove();
  // Until here it stood ready for the case that this process dies as well.
  const { reaper } = record;
  if (sameBoot && reaper) await endProcesses(() => (isAlive(reaper) ? [reaper] : []));
}
