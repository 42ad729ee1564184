import { deriveSeed } from '../emulation/random.js';
import type { Direction, Emulation, TopologyLink } from '../topology/topology.js';
import type { Emulator, Plan, PlannedEmulation, PlannedEnd, PlannedLink } from './plan.js';
import { defaultLimit, relayShaping, shapingFor } from './shaping.js';

/** A direction of a link whose other direction is emulated. */
const PLAIN: Emulation = { delayUs: 0, jitterUs: 0, loss: null, reorder: 0, duplicate: 0, trace: null };

/** `seed` is the topology's. */
export function planLink({ name, mtu, ends, offloads, directions }: TopologyLink, seed: number): PlannedLink {
  const emulated = directions.some(({ emulation }) => emulation !== null);
  const shaped = directions.some(({ rateBps }) => rateBps !== null);
  const roundTripUs = directions.reduce((sum, { emulation }) => sum + (emulation?.delayUs ?? 0), 0);
  const planned = ends.map((end, index): PlannedEnd => {
    const direction = directions[index] as Direction;
    const { rateBps, limit } = direction;
    if (!emulated) {
      return { ...end, shaping: rateBps === null ? null : shapingFor(rateBps, limit, mtu), emulation: null };
    }
    const emulation: PlannedEmulation = {
      ...(direction.emulation ?? PLAIN),
      limit: limit ?? defaultLimit(rateBps, roundTripUs, mtu),
      seed: deriveSeed(seed, `${name} ${index}`),
    };
    return { ...end, shaping: rateBps === null ? null : relayShaping(rateBps, emulation.limit, mtu), emulation };
  }) as [PlannedEnd, PlannedEnd];
  return {
    name,
    mtu,
    offloads,
    emulator: emulated ? 'relay' : shaped ? 'tbf' : 'none',
    repeatable: true,
    ends: planned,
  };
}

/** What the kernel of a machine can do about links. */
export interface KernelEmulation {
  readonly netem: boolean;
  /** Whether netem's randomness can be repeated (Linux 6.6). */
  readonly seededNetem: boolean;
}

/**
 * The plan for one machine: links that need an emulator get the kernel's where it has one that does exactly what they ask for. With
 * `netem` in `wanted` they get it wherever it does something of the kind: all but traces.
 */
export function chooseEmulators(plan: Plan, kernel: KernelEmulation, wanted: 'exact' | 'netem' = 'exact'): Plan {
  const choose = (link: PlannedLink): PlannedLink => {
    if (link.emulator !== 'relay' && link.emulator !== 'netem') return link;
    const can = wanted === 'netem' ? !link.ends.some(isTraced) : link.ends.every((end) => netemIsExact(end, kernel));
    return withEmulator(link, kernel.netem && can ? 'netem' : 'relay', kernel.seededNetem);
  };
  return { ...plan, links: plan.links.map(choose) };
}

function withEmulator(link: PlannedLink, emulator: Emulator, seededNetem: boolean): PlannedLink {
  const shaping = emulator === 'relay' ? relayShaping : shapingFor;
  const ends = link.ends.map((end): PlannedEnd => {
    if (end.shaping === null || end.emulation === null) return end;
    return { ...end, shaping: shaping(end.shaping.rateBps, end.emulation.limit, link.mtu) };
  }) as [PlannedEnd, PlannedEnd];
  return { ...link, emulator, repeatable: emulator !== 'netem' || seededNetem, ends };
}

/**
 * Traces are the relay's alone, and what is random must be repeatable. netem draws jitter for each packet, so that in order those close together
 * all get the longest of their delays. It loses and duplicates packets in front of the rate, not behind it.
 */
function netemIsExact({ shaping, emulation }: PlannedEnd, { seededNetem }: KernelEmulation): boolean {
  if (emulation === null) return true;
  const { trace, jitterUs, loss, duplicate } = emulation;
  if (trace !== null || jitterUs > 0) return false;
  if (shaping !== null && (loss !== null || duplicate > 0)) return false;
  return seededNetem || !isRandom(emulation);
}

function isTraced({ emulation }: PlannedEnd): boolean {
  return emulation !== null && emulation.trace !== null;
}

/** Whether anything about it is drawn by lot. */
export function isRandom({
  jitterUs,
  loss,
  reorder,
  duplicate,
}: Pick<Emulation, 'jitterUs' | 'loss' | 'reorder' | 'duplicate'>): boolean {
  return jitterUs > 0 || loss !== null || reorder > 0 || duplicate > 0;
}
