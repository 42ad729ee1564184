/** The start of an arm: all workloads are prepared, then the clock starts for all. */
import { setTimeout as sleep } from 'node:timers/promises';
import { abortable } from '../running/abortable.js';

export class Start {
  readonly #opened: Promise<number>;
  #open: (startMs: number) => void = () => {};
  #missing: number;

  /** `workloads`: how many are awaited. */
  constructor(
    workloads: number,
    private readonly signal: AbortSignal,
  ) {
    this.#missing = workloads;
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  /** When the clock started, as performance.now() tells time. Rejects with the signal's reason. */
  get startMs(): Promise<number> {
    return abortable(this.#opened, this.signal);
  }

  /** A workload is prepared; resolves so many seconds after the start. Rejects with the signal's reason. */
  async ready(atSeconds: number): Promise<void> {
    if (--this.#missing === 0) this.#open(performance.now());
    const startMs = await this.startMs;
    const wait = startMs + atSeconds * 1000 - performance.now();
    if (wait > 0) await sleep(wait, undefined, { signal: this.signal });
  }
}
