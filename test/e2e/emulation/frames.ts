/** Frames from one end of a link to the other, sent and received by this process, so that nothing needs to be started for them. */
import type { Lab } from '../../../lab/lab.js';
import { type Exchange, type Exchanged, exchange } from '../../../lab/relay/calibration/measure.js';

export interface Train {
  /** The link that is crossed, from its first end. */
  readonly link: string;
  readonly count: number;
  readonly gapUs: number;
  /** Of each frame with its Ethernet header; default: the shortest. */
  readonly bytes?: number;
  /** Longest time that a frame may take. */
  readonly longestUs: number;
}

const SHORTEST_BYTES = 60;

/** All trains at once. Blocks the thread until what arrives has arrived. */
export function sendFrames(lab: Lab, trains: readonly Train[]): Exchanged[] {
  return exchange(
    trains.map(({ link, count, gapUs, bytes = SHORTEST_BYTES, longestUs }): Exchange => {
      const [source, destination] = lab.link(link).ends.map(({ node, interface: device }) => ({
        namespace: `${lab.name}-${node}`,
        interface: device,
      })) as [Exchange['source'], Exchange['destination']];
      const frames = Array.from({ length: count }, (_, i) => ({ atUs: i * gapUs, bytes }));
      return { source, destination, frames, longestUs };
    }),
  );
}

/** Numbers of the frames that did not arrive. */
export function lost({ copies }: Exchanged): number[] {
  return [...copies.keys()].filter((i) => copies[i] === 0);
}

/** Two processors of a machine that hand frames on at about the same moment may change their order. */
const SAME_MOMENT_US = 1000;

/** How many frames arrived after one that was sent later. */
export function overtaken({ arrivedUs }: Exchanged): number {
  let count = 0;
  let earliest = Number.POSITIVE_INFINITY;
  for (let i = arrivedUs.length - 1; i >= 0; i--) {
    const at = arrivedUs[i] as number;
    if (at > earliest + SAME_MOMENT_US) count++;
    if (at < earliest) earliest = at;
  }
  return count;
}

/** How long the frames took that arrived, us, in the order in which they were sent. */
export function delaysUs({ sentUs, arrivedUs }: Exchanged): number[] {
  return [...arrivedUs.keys()].flatMap((i) => {
    const took = (arrivedUs[i] as number) - (sentUs[i] as number);
    return Number.isNaN(took) ? [] : [took];
  });
}

/** Nearest rank. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
