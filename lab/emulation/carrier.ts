/**
 * How the two ends of a relayed link share one carrier. Each end is a pair of interfaces: the node's and the relay's. When a node sets its
 * interface down, the relay's loses its carrier; the relay then sets its interface of the other end down, which the other node sees. An
 * interface that is set down shows no carrier itself, so one is always left up to see its node come back.
 */

/** The administrative state of the relay's two interfaces. */
export type RelaySides = readonly [boolean, boolean];

export class SharedCarrier {
  #cut = false;
  /** The end whose node has no carrier; the other is held down. */
  #lost: 0 | 1 | null = null;

  /** Whether packets pass. */
  get up(): boolean {
    return !this.#cut && this.#lost === null;
  }

  /** The states that the relay's interfaces should have. */
  get sides(): RelaySides {
    if (this.#cut) return [false, false];
    return [this.#lost !== 1, this.#lost !== 0];
  }

  /** The relay's interface of an end gained or lost its carrier. */
  observe(end: 0 | 1, carrier: boolean): void {
    // What is held down tells nothing.
    if (!this.sides[end]) return;
    if (!carrier) this.#lost = end;
    else if (this.#lost === end) this.#lost = null;
  }

  /** Pulls the cable, or plugs it in again. */
  setCut(cut: boolean): void {
    this.#cut = cut;
    if (cut) this.#lost = null;
  }
}
