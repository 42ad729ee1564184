/** Links whose capacity follows a trace. */
import type { OpportunityTrace, RateTrace, RateTraceRow, Trace } from './trace.js';
import type { Transmitter } from './transmitter.js';

/** Bytes of an IP packet that one opportunity carries (mm-link(1)). */
const OPPORTUNITY_BYTES = 1500;
/** Mahimahi counts IP packets, without Ethernet header. */
const ETHERNET_HEADER_BYTES = 14;

/** `originUs` is the time at which the trace starts. */
export function traceTransmitter(trace: Trace, originUs: number): Transmitter {
  return trace.kind === 'rates' ? new RateTraceLink(trace, originUs) : new OpportunityLink(trace, originUs);
}

/** Integrates the rate over a packet's bits. */
class RateTraceLink implements Transmitter {
  #round = 0;
  #index = 0;

  constructor(
    private readonly trace: RateTrace,
    private readonly originUs: number,
  ) {}

  finish(startUs: number, bytes: number): number {
    let bits = bytes * 8;
    let at = startUs;
    this.#seek(at);
    // Every round has a row that lets something through (the parser sees to that), so this ends.
    for (;;) {
      const end = this.#endUs();
      const { rateBps } = this.#row();
      const carried = ((end - at) * rateBps) / 1e6;
      if (carried >= bits) return at + (bits * 1e6) / rateBps;
      if (end === Number.POSITIVE_INFINITY) return end;
      bits -= carried;
      at = end;
      this.#next();
    }
  }

  rateBps(atUs: number): number {
    this.#seek(atUs);
    return this.#row().rateBps;
  }

  delayUs(atUs: number): number {
    this.#seek(atUs);
    return this.#row().delayUs;
  }

  #row(): RateTraceRow {
    return this.trace.rows[this.#index];
  }

  #roundStartUs(): number {
    return this.originUs + this.#round * (this.trace.periodUs ?? 0);
  }

  #endUs(): number {
    const next = this.trace.rows[this.#index + 1]?.timeUs ?? this.trace.periodUs;
    return next === null ? Number.POSITIVE_INFINITY : this.#roundStartUs() + next;
  }

  #next(): void {
    this.#index++;
    if (this.#index < this.trace.rows.length) return;
    this.#index = 0;
    this.#round++;
  }

  /** Times are asked for in no strict order: of packets that arrive, and of those that wait. */
  #seek(atUs: number): void {
    const { periodUs, rows } = this.trace;
    if (periodUs !== null && Math.abs(atUs - this.#roundStartUs()) > 2 * periodUs) {
      this.#round = Math.max(0, Math.floor((atUs - this.originUs) / periodUs));
      this.#index = 0;
    }
    while (atUs < this.#roundStartUs() + this.#row().timeUs && this.#round + this.#index > 0) {
      if (this.#index > 0) this.#index--;
      else {
        this.#round--;
        this.#index = rows.length - 1;
      }
    }
    while (atUs >= this.#endUs()) this.#next();
  }
}

/** Counts opportunities; a packet that is larger than what is left of one goes on in the next. */
class OpportunityLink implements Transmitter {
  readonly #meanBps: number;
  readonly #periodUs: number;
  #round = 0;
  #index = 0;
  /** Bytes left of the current opportunity. */
  #left = OPPORTUNITY_BYTES;

  constructor(
    private readonly trace: OpportunityTrace,
    private readonly originUs: number,
  ) {
    this.#periodUs = trace.timesUs[trace.timesUs.length - 1];
    this.#meanBps = (trace.timesUs.length * OPPORTUNITY_BYTES * 8e6) / this.#periodUs;
  }

  finish(startUs: number, bytes: number): number {
    if (this.#timeUs() < startUs) this.#seek(startUs);
    let needed = Math.max(1, bytes - ETHERNET_HEADER_BYTES);
    for (;;) {
      if (needed <= this.#left) {
        this.#left -= needed;
        const done = this.#timeUs();
        if (this.#left === 0) this.#next();
        return Math.max(startUs, done);
      }
      needed -= this.#left;
      this.#next();
    }
  }

  rateBps(): number {
    return this.#meanBps;
  }

  delayUs(): number {
    return 0;
  }

  #timeUs(): number {
    return this.originUs + this.#round * this.#periodUs + this.trace.timesUs[this.#index];
  }

  #next(): void {
    this.#left = OPPORTUNITY_BYTES;
    this.#index++;
    if (this.#index < this.trace.timesUs.length) return;
    this.#index = 0;
    this.#round++;
  }

  /** Goes to the first opportunity at or after a time: earlier ones passed unused. */
  #seek(startUs: number): void {
    const round = Math.max(0, Math.floor((startUs - this.originUs) / this.#periodUs));
    if (round > this.#round) {
      this.#round = round;
      this.#index = 0;
      this.#left = OPPORTUNITY_BYTES;
    }
    while (this.#timeUs() < startUs) this.#next();
  }
}
