/** An emulation in the words of tc-netem(8). */
import { gilbertElliott } from '../../emulation/loss.js';
import { isRandom } from '../../plan/links.js';
import type { PlannedEmulation } from '../../plan/plan.js';
import type { Loss } from '../../topology/topology.js';

/** What is held for the delay, in packets of the kernel: never the reason for a drop. Its default of 1000 is, and says so nowhere. */
const HELD_PACKETS = 1_000_000;
/**
 * With a rate, netem keeps packets in order when the delay varies or becomes less; this one takes 0.1 us a frame. Always there, since a
 * rate that a change leaves out would stay.
 */
const ORDER_RATE = '100gbit';

/** `seeded`: whether the kernel can repeat its randomness; tc knows the word no earlier than the kernel does. */
export function netemText(
  { delayUs, jitterUs, loss, reorder, duplicate, seed }: PlannedEmulation,
  seeded: boolean,
): string {
  const words = [`limit ${HELD_PACKETS}`, `rate ${ORDER_RATE}`];
  if (delayUs > 0) words.push(`delay ${delayUs}us${jitterUs > 0 ? ` ${jitterUs}us` : ''}`);
  if (loss !== null) words.push(lossText(loss));
  if (duplicate > 0) words.push(`duplicate ${percentText(duplicate)}`);
  if (reorder > 0) words.push(`reorder ${percentText(reorder)}`);
  if (seeded && isRandom({ jitterUs, loss, reorder, duplicate })) words.push(`seed ${seed}`);
  return words.join(' ');
}

function lossText(loss: Loss): string {
  if (loss.model === 'random') return `loss random ${percentText(loss.mean)}`;
  const { toBad, toGood } = gilbertElliott(loss.mean, loss.burst);
  return `loss gemodel ${percentText(toBad)} ${percentText(toGood)} 100% 0%`;
}

function percentText(share: number): string {
  return `${Number((share * 100).toFixed(6))}%`;
}
