import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;

/**
 * Asks `condition` until it holds (gives null); it says in words what is missing until then. Resolves with null, or after
 * `timeoutMs` with the last answer. Rejects with the signal's reason.
 */
export async function waitUntil(
  condition: () => Promise<string | null>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<string | null> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const missing = await condition();
    if (missing === null || performance.now() > deadline) return missing;
    await sleep(POLL_MS, undefined, signal && { signal });
  }
}
