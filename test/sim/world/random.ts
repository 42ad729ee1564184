/** Seeded pseudo-random numbers (xoshiro128**, Blackman and Vigna 2018). Same seed, same numbers, on every machine. */
export class Random {
  private readonly state = new Uint32Array(4);

  constructor(private readonly seed: number) {
    let x = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      x = (x + 0x9e3779b9) >>> 0;
      this.state[i] = mix(x);
    }
  }

  /** 32 random bits, unsigned. */
  bits(): number {
    const s = this.state;
    const product = Math.imul(s[1]!, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= shifted;
    s[3] = (s[3]! << 11) | (s[3]! >>> 21);
    return result;
  }

  /** Uniform in [0, 1). */
  fraction(): number {
    return this.bits() / 2 ** 32;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + this.fraction() * (high - low);
  }

  /** Uniform in its logarithm: as likely in [1, 2) as in [10, 20). */
  scaled(low: number, high: number): number {
    return low * (high / low) ** this.fraction();
  }

  /** Whole number in [low, high], both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.integer(0, choices.length - 1)]!;
  }

  bytes(count: number): Uint8Array {
    const out = new Uint8Array(count);
    for (let i = 0; i < count; i++) out[i] = this.bits() >>> 24;
    return out;
  }

  /** A stream of its own that depends on the seed and the name only, so that one user's draws do not shift another's. */
  fork(name: string): Random {
    let hash = this.seed >>> 0;
    for (let i = 0; i < name.length; i++) hash = mix(hash ^ Math.imul(name.charCodeAt(i) + i, 0x85ebca6b));
    return new Random(hash);
  }
}

function mix(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}
