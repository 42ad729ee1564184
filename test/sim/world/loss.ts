import type { Random } from './random.js';

/** How packets get lost: each by itself, or in bursts (Gilbert-Elliott: a bad state in which all are lost). */
export type LossModel =
  | { readonly kind: 'random'; readonly probability: number }
  | { readonly kind: 'burst'; readonly mean: number /** Mean length, packets. */; readonly length: number };

/** Decides packet by packet. */
export class LossProcess {
  private bad = false;

  constructor(
    readonly model: LossModel,
    private readonly random: Random,
  ) {}

  next(): boolean {
    if (this.model.kind === 'random') return this.model.probability > 0 && this.random.chance(this.model.probability);
    const leave = 1 / this.model.length;
    const enter = (leave * this.model.mean) / (1 - this.model.mean);
    this.bad = this.bad ? !this.random.chance(leave) : this.random.chance(enter);
    return this.bad;
  }
}
