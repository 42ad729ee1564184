import { performance } from 'node:perf_hooks';

/** The monotonic clock in microseconds; its zero is the start of the thread. ~50 ns, like clock_gettime, and no BigInt. */
export function monotonicUs(): number {
  return Math.floor(performance.now() * 1000);
}
