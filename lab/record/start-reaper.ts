import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError } from '../error.js';
import type { LabDirectory } from './directory.js';
import { identify } from './identity.js';
import { TOKEN_VARIABLE } from './record.js';

/** Starts and records the process that takes the lab down when this one dies. */
export function startReaper(directory: LabDirectory): ChildProcess {
  const { lab } = directory.record;
  // From sources (tsx) or from the build, as this file itself.
  const script = fileURLToPath(
    new URL(import.meta.url.endsWith('.ts') ? './reaper.ts' : './reaper.js', import.meta.url),
  );
  const log = openSync(join(directory.path, 'reaper.log'), 'a');
  try {
    const options = process.execArgv.filter((option) => !option.startsWith('--inspect'));
    const child = spawn(process.execPath, [...options, script, lab], {
      cwd: dirname(script),
      detached: true,
      // Not one of the lab's own processes, nor of a lab that this one is started from.
      env: { ...process.env, [TOKEN_VARIABLE]: undefined },
      stdio: ['pipe', log, log],
    });
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (identity === undefined) throw new LabError('E_LAB_REAPER', `the reaper of lab ${lab} did not start`);
    child.unref();
    (child.stdin as unknown as { unref(): void }).unref();
    directory.update(() => ({ reaper: identity }));
    return child;
  } finally {
    closeSync(log);
  }
}
