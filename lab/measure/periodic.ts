import { setTimeout as delay } from 'node:timers/promises';

/** Work that is repeated on a fixed grid of times until it is disposed of. */
export interface Periodic extends AsyncDisposable {
  /** Resolves when the last call has returned; rejects with what `work` threw, after which it is not called again. */
  stop(): Promise<void>;
}

/** Calls `work` at once and then every `periodMs`, on a grid, so that slow calls do not shift later ones; never two at a time. */
export function every(periodMs: number, work: () => void | Promise<void>): Periodic {
  const stopped = new AbortController();
  const loop = run(periodMs, work, stopped.signal);
  // Seen by `stop`; until then a failure must not count as unhandled.
  loop.catch(() => {});
  const stop = (): Promise<void> => {
    stopped.abort();
    return loop;
  };
  return { stop, [Symbol.asyncDispose]: stop };
}

async function run(periodMs: number, work: () => void | Promise<void>, signal: AbortSignal): Promise<void> {
  const start = performance.now();
  for (let tick = 0; !signal.aborted; ) {
    await work();
    tick = Math.max(tick + 1, Math.ceil((performance.now() - start) / periodMs));
    // A stop ends the pause early: that is no failure.
    await delay(start + tick * periodMs - performance.now(), undefined, { signal }).catch(() => {});
  }
}
