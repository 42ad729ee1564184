/** How long packets take onto the link, one after the other. */

export interface Transmitter {
  /**
   * When a packet of `bytes` (with its Ethernet header) is on the link, if it may start at `startUs`. Calls come in order: each start is
   * at or after the last result. Infinity: never.
   */
  finish(startUs: number, bytes: number): number;
  /** bit/s at a time, to tell what waiting bytes mean in time. */
  rateBps(atUs: number): number;
  /** Delay that comes on top of the link's own, us. */
  delayUs(atUs: number): number;
}

export class ConstantRate implements Transmitter {
  constructor(private readonly bps: number) {}

  finish(startUs: number, bytes: number): number {
    return startUs + (bytes * 8e6) / this.bps;
  }

  rateBps(): number {
    return this.bps;
  }

  delayUs(): number {
    return 0;
  }
}
