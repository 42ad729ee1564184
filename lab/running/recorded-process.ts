import { LabError } from '../error.js';
import type { LabDirectory } from '../record/directory.js';
import { identify } from '../record/identity.js';
import type { LabProcess } from './process.js';

/** Writes a process of the lab into its record, until it ends. Throws as LabDirectory.update does. */
export function recordProcess(directory: LabDirectory, { node, command, pid, exited }: LabProcess): void {
  const identity = identify(pid);
  if (identity === undefined) return;
  const recorded = { ...identity, node, command: command.join(' ') };
  directory.update(({ processes }) => ({ processes: [...processes, recorded] }));
  exited.then(() => {
    try {
      directory.update(({ processes }) => ({
        processes: processes.filter((own) => own.pid !== identity.pid || own.start !== identity.start),
      }));
    } catch (error) {
      if (!(error instanceof LabError) || error.code !== 'E_LAB_GONE') throw error;
    }
  });
}
