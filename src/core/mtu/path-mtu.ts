/** Finds the longest IP packet that a path carries, by packets of chosen sizes that are answered or not (RFC 8899). */

/** Packets of a round: two or three rounds find any size below 1500. */
const STEPS = 8;
/** A search ends when it knows the size to within so many bytes. */
const RESOLUTION = 4;
/** Times that the whole size is asked for before anything smaller is: a single loss proves nothing. */
const WHOLE_ATTEMPTS = 2;
/** Rounds without any answer after which a path is taken at its least. */
const SILENT_ROUNDS = 3;

/** Longest IP packet that every link carries (RFC 8200 section 5), and every IPv4 host takes (RFC 1122 section 3.3.2), bytes. */
export const LEAST_MTU = { ipv4: 576, ipv6: 1280 } as const;

export class PathMtu {
  /** What the path is taken to carry, bytes of IP packet. At first that of the own interface. */
  size: number;
  /** Whether a search has ended. */
  known = false;
  /** Sizes that are on their way and were not answered, in rising order. */
  asked: number[] = [];
  private most: number;
  /** Of the running search: the longest that was answered, what it looks for, and how often the same was asked. */
  private best = 0;
  private high = 0;
  private attempts = 0;
  private silent = 0;

  constructor(
    /** MTU of the own interface. */
    most: number,
    /** LEAST_MTU of the path's family. */
    readonly least: number,
  ) {
    this.most = Math.max(most, least);
    this.size = this.most;
  }

  get searching(): boolean {
    return this.asked.length > 0;
  }

  /** Whether the path may carry more than it is taken to. */
  get mayGrow(): boolean {
    return this.size < this.most;
  }

  /** The own interface has another MTU now. */
  limitTo(most: number): void {
    this.most = Math.max(most, this.least);
    this.size = Math.min(this.size, this.most);
  }

  /** Asks for the interface's whole size, and besides for the one that is known. */
  search(): void {
    this.begin(this.known && this.mayGrow ? [this.size, this.most] : [this.most]);
  }

  /** Asks whether the known size still gets through. */
  verify(): void {
    this.begin([this.size]);
  }

  /** Packets as long as the known size have arrived: nothing need be asked but whether more would. Returns whether that ends a search. */
  confirm(): boolean {
    if (!this.known || !this.searching || this.high > this.size) return false;
    this.asked = [];
    return true;
  }

  /** An ICMP message says that no more than `size` bytes get through: believed when that size is answered and the known one is not. */
  doubt(size: number): void {
    if (size >= this.size || this.searching) return;
    this.begin([Math.max(size, this.least), this.size]);
    this.attempts = WHOLE_ATTEMPTS;
  }

  /** Returns whether what is asked for has changed: then it is to be sent. */
  answered(size: number): boolean {
    const at = this.asked.indexOf(size);
    if (at < 0) return false;
    this.best = Math.max(this.best, size);
    // What is shorter gets through as well, whether its answer comes or not.
    this.asked = this.asked.filter((other) => other > this.best);
    if (this.asked.length > 0) return false;
    if (this.best === this.high) this.end(this.best);
    else this.divide();
    return this.searching;
  }

  /** Nothing more comes for what was asked. Returns whether something is to be sent. */
  expired(): boolean {
    if (!this.searching) return false;
    if (this.attempts < WHOLE_ATTEMPTS) {
      this.attempts++;
      return true;
    }
    if (this.best === 0) {
      if (++this.silent < SILENT_ROUNDS) this.divide();
      // All of it may have been lost with everything else: what was known stays, until there is proof.
      else this.end(this.known ? this.size : this.least);
      return this.searching;
    }
    this.high = this.asked[0] - 1;
    if (this.best < this.size) this.size = this.best;
    if (this.high - this.best < RESOLUTION) this.end(this.best);
    else this.divide();
    return this.searching;
  }

  private begin(sizes: number[]): void {
    this.asked = sizes;
    this.high = sizes[sizes.length - 1];
    this.best = 0;
    this.attempts = 1;
    this.silent = 0;
  }

  /** Asks for sizes between what is answered (while nothing is, the least) and what is looked for. */
  private divide(): void {
    const low = this.best > 0 ? this.best : this.least;
    const span = this.high - low;
    const sizes = new Set(this.best > 0 ? [] : [low]);
    for (let i = 1; i <= STEPS; i++) sizes.add(low + Math.ceil((span * i) / STEPS));
    sizes.delete(this.best);
    this.asked = [...sizes];
  }

  private end(size: number): void {
    this.asked = [];
    this.size = size;
    this.known = true;
  }
}
