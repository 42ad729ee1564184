/**
 * Turns at the machine, for labs of one process that run side by side. One at a time comes up and has its links measured, and nobody else works
 * meanwhile; then their workloads run together. Else a calibration would find the load of other labs in its links, and fail them.
 */
import { abortable } from '../running/abortable.js';

interface Waiting {
  readonly alone: boolean;
  readonly begin: () => void;
}

export class Turns {
  #sharing = 0;
  #alone = false;
  readonly #waiting: Waiting[] = [];

  /** Resolves when nobody else has a turn. Rejects with the signal's reason. */
  alone(signal?: AbortSignal): Promise<Disposable> {
    return this.#take(true, signal);
  }

  /** Resolves when nobody is alone or waits to be. Rejects with the signal's reason. */
  shared(signal?: AbortSignal): Promise<Disposable> {
    return this.#take(false, signal);
  }

  async #take(alone: boolean, signal: AbortSignal | undefined): Promise<Disposable> {
    signal?.throwIfAborted();
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const waiting = { alone, begin };
    this.#waiting.push(waiting);
    this.#next();
    try {
      await (signal === undefined ? begun : abortable(begun, signal));
    } catch (error) {
      const place = this.#waiting.indexOf(waiting);
      if (place >= 0) this.#waiting.splice(place, 1);
      // Its turn had come already.
      else this.#end(alone);
      this.#next();
      throw error;
    }
    let ended = false;
    return {
      [Symbol.dispose]: () => {
        if (!ended) this.#end(alone);
        ended = true;
      },
    };
  }

  #end(alone: boolean): void {
    if (alone) this.#alone = false;
    else this.#sharing--;
    this.#next();
  }

  /** Lets in who may come: those who want to be alone first, in their order. */
  #next(): void {
    while (!this.#alone) {
      const place = this.#waiting.findIndex(({ alone }) => alone);
      const next = this.#waiting[Math.max(0, place)];
      if (next === undefined || (next.alone && this.#sharing > 0)) return;
      this.#waiting.splice(Math.max(0, place), 1);
      if (next.alone) this.#alone = true;
      else this.#sharing++;
      next.begin();
    }
  }
}

/** Of all labs of this process. */
const ALL = new Turns();

/** What one lab has of it: nothing at first. */
export class Turn implements Disposable {
  #held: Disposable | undefined;

  constructor(private readonly turns: Turns = ALL) {}

  /** Ends what it has, and resolves when no other has a turn. Rejects with the signal's reason. */
  async alone(signal?: AbortSignal): Promise<void> {
    this[Symbol.dispose]();
    this.#held = await this.turns.alone(signal);
  }

  /** Ends what it has, and resolves when nobody is alone or waits to be. Rejects with the signal's reason. */
  async share(signal?: AbortSignal): Promise<void> {
    this[Symbol.dispose]();
    this.#held = await this.turns.shared(signal);
  }

  [Symbol.dispose](): void {
    this.#held?.[Symbol.dispose]();
    this.#held = undefined;
  }
}
