import { readFileSync } from 'node:fs';

/** USER_HZ of Linux: what /proc counts CPU time in, on all of its platforms that Node runs on. */
const TICKS_PER_SECOND = 100;
/** utime and stime of proc(5), counted from behind the name of the program, which may hold blanks. */
const UTIME = 11;
const STIME = 12;

/** CPU time that a process and its threads have used so far, seconds. Throws node:fs errors when there is none. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[UTIME]) + Number(fields[STIME])) / TICKS_PER_SECOND;
}
