/** Processes by pid and start time, so that a pid that was given to somebody else is never taken for the old one. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot (proc(5), field 22 of stat). */
  readonly start: number;
}

interface ProcessStat {
  readonly parent: number;
  readonly start: number;
}

/** undefined when there is no such process, or only what its parent has not yet taken note of (a zombie). */
function readStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name stands in parentheses and may hold any character.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state = '', parent] = fields;
  // The first thread of a process may have ended while others still hold its files.
  const threads = Number(fields[17]);
  if ((state === 'Z' || state === 'X') && threads <= 1) return undefined;
  return { parent: Number(parent), start: Number(fields[19]) };
}

/** undefined when the process has ended. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat && { pid, start: stat.start };
}

export function isAlive({ pid, start }: ProcessIdentity): boolean {
  return readStat(pid)?.start === start;
}

/** A new one with every boot of the machine: what a record of an earlier one names is gone. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}

/** This process and those that it descends from. */
export function lineage(): ReadonlySet<number> {
  const pids = new Set<number>();
  for (let pid = process.pid; pid > 0 && !pids.has(pid); pid = readStat(pid)?.parent ?? 0) pids.add(pid);
  return pids;
}

/** All processes whose environment has `variable=value` (inherited by their children), or that are in one of the network namespaces. */
export function findProcesses(marker: string, namespaces: ReadonlySet<number>): ProcessIdentity[] {
  const found: ProcessIdentity[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    if (!hasMarker(pid, marker) && !namespaces.has(networkNamespaceOf(pid))) continue;
    const identity = identify(pid);
    if (identity) found.push(identity);
  }
  return found;
}

/** Whether the environment of a process has `variable=value`; false when it has ended. */
export function hasMarker(pid: number, marker: string): boolean {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}\0`.includes(`\0${marker}\0`);
  } catch {
    return false;
  }
}

/** Inode of the network namespace of a process; 0 when it cannot be told. */
function networkNamespaceOf(pid: number): number {
  try {
    return Number(/\[(\d+)\]/.exec(readlinkSync(`/proc/${pid}/ns/net`))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
