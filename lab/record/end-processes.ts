import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, lineage, type ProcessIdentity } from './identity.js';

/** What a process gets to end by itself. */
const GRACE_MS = 2000;
const POLL_MS = 5;

/**
 * Ends processes by pid, after a look at their start time: SIGTERM, after 2 s SIGKILL. `find` is asked again until it finds none,
 * since what is being ended may have started more. This process and its ancestors are left alone.
 */
export async function endProcesses(find: () => readonly ProcessIdentity[]): Promise<void> {
  const spared = lineage();
  const deadline = performance.now() + GRACE_MS;
  const asked = new Set<string>();
  for (;;) {
    const remaining = find().filter(({ pid }) => !spared.has(pid));
    if (remaining.length === 0) return;
    const late = performance.now() > deadline;
    for (const identity of remaining) {
      const key = `${identity.pid} ${identity.start}`;
      if (late) send(identity, 'SIGKILL');
      else if (!asked.has(key)) send(identity, 'SIGTERM');
      asked.add(key);
    }
    await sleep(POLL_MS);
  }
}

function send(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, signal);
    // A stopped process takes note of SIGTERM only when it goes on.
    process.kill(identity.pid, 'SIGCONT');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
