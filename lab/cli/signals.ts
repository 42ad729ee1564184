/** Signals in one place: the first asks for an orderly end, the others find it under way and do not break it. */
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Somebody asked for the end by a signal. */
export class Interrupted extends Error {
  readonly code = 'E_INTERRUPTED';
  override readonly name = 'Interrupted';

  constructor(readonly signal: (typeof SIGNALS)[number]) {
    super(`ended by ${signal}`);
  }

  get number(): number {
    return constants.signals[this.signal];
  }
}

/**
 * Runs an action whose signal aborts with Interrupted at the first SIGINT, SIGTERM or SIGHUP. The action takes down what it made and
 * rejects; until then further signals are only answered.
 */
export async function interruptible<T>(action: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onSignal = (signal: (typeof SIGNALS)[number]): void => {
    if (controller.signal.aborted) process.stderr.write('already ending; this takes a few seconds at most\n');
    else controller.abort(new Interrupted(signal));
  };
  // A terminal that was closed must not turn the end into a crash.
  process.stderr.on('error', ignore);
  process.stdout.on('error', ignore);
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    return await action(controller.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

function ignore(): void {}
