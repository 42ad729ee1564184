/** How soon the calling thread runs when it is due. */
import { setPriority } from 'node:os';
import { Arena } from '../../src/host/arena.js';
import { PR_SET_TIMERSLACK, SCHED_FIFO } from '../../src/host/syscall/constants.js';
import { prctl, schedSetscheduler } from '../../src/host/syscall/libc.js';

const REAL_TIME_PRIORITY = 10;
const NICE = -20;

export type Priority = 'real-time' | 'nice' | 'normal';

/** Takes the best priority that the machine gives, and timers without slack. */
export function raisePriority(): Priority {
  prctl(PR_SET_TIMERSLACK, 1);
  using arena = Arena.allocate(64);
  arena.i32[0] = REAL_TIME_PRIORITY;
  if (schedSetscheduler(0, SCHED_FIFO, arena.address) === 0) return 'real-time';
  try {
    setPriority(NICE);
    return 'nice';
  } catch {
    return 'normal';
  }
}
