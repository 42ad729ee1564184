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
  return { name, mtu, offloads, emulator: emulated ? 'relay' : shaped ? 'tbf' : 'none', ends: planned };
}

/** What the kernel of a machine can do about links. */
export interface KernelEmulation {
  readonly netem: boolean;
  /** Whether netem's randomness can be repeated (Linux 6.6). */
  readonly seededNetem: boolean;
}

/** The plan for one machine: links that need an emulator get the kernel's where it has one that can do all that they ask for. */
export function chooseEmulators(plan: Plan, kernel: KernelEmulation): Plan {
  const choose = (link: PlannedLink): PlannedLink => {
    if (link.emulator !== 'relay' && link.emulator !== 'netem') return link;
    return withEmulator(link, kernel.netem && netemCan(link, kernel) ? 'netem' : 'relay');
  };
  return { ...plan, links: plan.links.map(choose) };
}

function withEmulator(link: PlannedLink, emulator: Emulator): PlannedLink {
  const shaping = emulator === 'relay' ? relayShaping : shapingFor;
  const ends = link.ends.map((end): PlannedEnd => {
    if (end.shaping === null || end.emulation === null) return end;
    return { ...end, shaping: shaping(end.shaping.rateBps, end.emulation.limit, link.mtu) };
  }) as [PlannedEnd, PlannedEnd];
  return { ...link, emulator, ends };
}

/** Traces are the relay's alone; what is random must be repeatable. */
function netemCan(link: PlannedLink, { seededNetem }: KernelEmulation): boolean {
  return link.ends.every(({ emulation }) => {
    if (emulation === null) return true;
    if (emulation.trace !== null) return false;
    return seededNetem || !isRandom(emulation);
  });
}

function isRandom({ jitterUs, loss, reorder, duplicate }: Emulation): boolean {
  return jitterUs > 0 || loss !== null || reorder > 0 || duplicate > 0;
}
