/** Traces of a link's capacity, as their files say it. */

export type Trace = OpportunityTrace | RateTrace;

/** Mahimahi's format: times at which one packet of 1500 bytes gets through; what is not used then is lost. */
export interface OpportunityTrace {
  readonly kind: 'opportunities';
  /** us from the start, in order; the last is the length of the trace, which then starts again. */
  readonly timesUs: readonly number[];
}

/** A rate and a delay that hold until the next row. */
export interface RateTrace {
  readonly kind: 'rates';
  readonly rows: readonly RateTraceRow[];
  /** us after which it starts again; null: the last row holds for ever. */
  readonly periodUs: number | null;
}

export interface RateTraceRow {
  readonly timeUs: number;
  /** bit/s; 0: nothing gets through. */
  readonly rateBps: number;
  readonly delayUs: number;
}
