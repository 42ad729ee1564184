/** Repeatable randomness: the same seed gives the same numbers on every machine. */

/** xoshiro128** (Blackman and Vigna): 32 bits a step, period 2^128 - 1. */
export class Random {
  readonly #state = new Uint32Array(4);

  /** `seed`: any 32-bit integer. */
  constructor(seed: number) {
    // SplitMix32 fills the state, so that neighbouring seeds have nothing in common.
    let word = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      word = (word + 0x9e3779b9) >>> 0;
      let mixed = word;
      mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
      mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
      this.#state[i] = mixed ^ (mixed >>> 16);
    }
  }

  /** Uniform in [0, 1), in steps of 2^-32. */
  fraction(): number {
    const s = this.#state;
    const product = Math.imul(s[1], 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9);
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return (result >>> 0) / 2 ** 32;
  }
}

/** A seed for one purpose out of a seed for all (FNV-1a over the purpose's name). */
export function deriveSeed(seed: number, purpose: string): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < purpose.length; i++) hash = Math.imul(hash ^ purpose.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}
