import type { Loss } from '../topology/topology.js';
import type { Random } from './random.js';

/** Decides packet after packet, in the order in which they cross the link. */
export interface LossModel {
  /** Whether the next packet is lost. */
  loses(): boolean;
}

export function lossModel(loss: Loss, random: Random): LossModel {
  return loss.model === 'random'
    ? new RandomLoss(loss.mean, random)
    : new GilbertElliott(loss.mean, loss.burst, random);
}

class RandomLoss implements LossModel {
  constructor(
    private readonly share: number,
    private readonly random: Random,
  ) {}

  loses(): boolean {
    return this.random.fraction() < this.share;
  }
}

/** Transition probabilities of a two-state chain that loses all packets in its bad state and none in the good one. */
export function gilbertElliott(mean: number, burst: number): { toBad: number; toGood: number } {
  // Visits to the bad state last 1 / toGood packets; its share of the time is toBad / (toBad + toGood).
  const toGood = 1 / burst;
  return { toBad: Math.min(1, (mean * toGood) / (1 - mean)), toGood };
}

/** Losses in runs (Gilbert 1960 with loss 1 in the bad state): `mean` of all packets, `burst` packets in a row on average. */
class GilbertElliott implements LossModel {
  private readonly toBad: number;
  private readonly toGood: number;
  private bad = false;

  constructor(
    mean: number,
    burst: number,
    private readonly random: Random,
  ) {
    ({ toBad: this.toBad, toGood: this.toGood } = gilbertElliott(mean, burst));
  }

  loses(): boolean {
    const change = this.random.fraction() < (this.bad ? this.toGood : this.toBad);
    if (change) this.bad = !this.bad;
    return this.bad;
  }
}
