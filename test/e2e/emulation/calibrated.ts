/** What links measure, beside a plain link and a timer of the same moment: how late the machine itself is. */
import { type Emulator, Lab, parseTopology } from '../../../lab/lab.js';
import { expectedOf, judge, type Probes, probesFor } from '../../../lab/relay/calibration/direction.js';
import { type Exchanged, exchange, type Measured } from '../../../lab/relay/calibration/measure.js';
import { quantile } from './frames.js';

/** Bounds of a calibration (issue of the lab; docs/topologies.md). */
export const RATE_TOLERANCE = 0.02;
export const DELAY_TOLERANCE_US = 500;
export const DELAY_P99_TOLERANCE_US = 1000;

/** Rates that an emulated processor carries as well. */
const LINKS = [
  'rate: 8mbit, delay: 10ms',
  'rate: 2mbit, delay: 40ms, b->a: { rate: 4mbit, delay: 3ms }',
  'delay: 25ms',
  'rate: 5mbit',
  'rate: 3mbit, delay: 400ms',
];

/** One direction of a link. */
export interface Figures {
  readonly direction: string;
  readonly emulator: Emulator;
  /** As the topology says; null: none. */
  readonly rateBps: number | null;
  readonly delayUs: number;
  readonly measuredBps: number | null;
  readonly medianUs: number;
  readonly p99Us: number;
  /** Of a link without any emulator, measured at the same time, and of the timer by which frames were sent: their p99. */
  readonly plainP99Us: number;
  readonly timerP99Us: number;
}

/** A machine that was busy for a moment is measured again, as for every calibration. */
const ATTEMPTS = 10;

/** Each direction of links of several kinds, the best of a few attempts. */
export async function measureFigures(emulator: 'relay' | 'netem'): Promise<Figures[]> {
  const lines = [...LINKS, 'mtu: 1500'].map(
    (link, i) => `  l${i}: { ends: [a:eth${i}, b:eth${i}], subnet: 10.${i}.0.0/24, ${link} }`,
  );
  const text = `name: figures\nnodes: { a: { kind: host }, b: { kind: host } }\nlinks:\n${lines.join('\n')}`;
  await using lab = await Lab.up(parseTopology(text, 'figures.yaml'), { emulator });
  const directions = lab.plan.links.flatMap((link) =>
    ([0, 1] as const).map((end): Measured => {
      const place = (at: 0 | 1) => ({
        namespace: `${lab.name}-${link.ends[at].node}`,
        interface: link.ends[at].interface,
      });
      return { expected: expectedOf(link, end), source: place(end), destination: place(end === 0 ? 1 : 0) };
    }),
  );
  let best: Figures[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const found = figures(directions);
    best = best.length === 0 ? found : best.map((own, i) => better(own, found[i] as Figures));
    if (best.every((own) => faults(own).length === 0)) break;
  }
  return best;
}

/**
 * What is beyond the bounds. A delay is a timer and a link: its p99 may have what the machine's timers and plain links have at theirs. On a
 * machine with a processor of its own that is some 0.1 ms.
 */
export function faults(own: Figures): string[] {
  const { direction, rateBps, delayUs, measuredBps, medianUs, p99Us } = own;
  const found: string[] = [];
  if (rateBps !== null && !(Math.abs((measuredBps ?? 0) / rateBps - 1) <= RATE_TOLERANCE)) found.push('rate');
  if (!(Math.abs(medianUs - delayUs) <= DELAY_TOLERANCE_US)) found.push('median');
  if (!(p99Us - delayUs <= DELAY_P99_TOLERANCE_US + machineP99Us(own))) found.push('p99');
  return found.map((what) => `${direction}: ${what} of ${JSON.stringify(own)}`);
}

function better(a: Figures, b: Figures): Figures {
  if (faults(a).length !== faults(b).length) return faults(a).length < faults(b).length ? a : b;
  return a.p99Us <= b.p99Us ? a : b;
}

export function machineP99Us({ plainP99Us, timerP99Us }: Figures): number {
  return plainP99Us + timerP99Us;
}

function figures(directions: readonly Measured[]): Figures[] {
  const probes = directions.map(({ expected }, index) => probesFor(expected, index));
  const times = exchange(
    directions.map(({ expected, source, destination }, index) => {
      const { delay, rate } = probes[index] as Probes;
      return { source, destination, frames: [...delay, ...rate], longestUs: (expected.delayUs ?? 0) + LONGEST_US };
    }),
  );
  const timerP99Us = quantile(
    times.flatMap(({ sentUs }, index) => lateness((probes[index] as Probes).delay, sentUs)),
    0.99,
  );
  const calibrations = directions.map(({ expected }, i) => judge(expected, probes[i] as Probes, times[i] as Exchanged));
  const plain = calibrations.filter(({ emulator }) => emulator === 'none');
  const plainP99Us = Math.max(...plain.map(({ delay }) => delay?.p99Us ?? Number.NaN));
  return calibrations.flatMap(({ link, from, emulator, rateBps, delay }, i): Figures[] => {
    const { expected } = directions[i] as Measured;
    if (emulator === 'none') return [];
    return [
      {
        direction: `${link} from ${from}`,
        emulator,
        rateBps: expected.rateBps,
        delayUs: expected.delayUs ?? Number.NaN,
        measuredBps: rateBps,
        medianUs: delay?.medianUs ?? Number.NaN,
        p99Us: delay?.p99Us ?? Number.NaN,
        plainP99Us,
        timerP99Us,
      },
    ];
  });
}

/** Besides its delay, a frame waits for those in front of it. */
const LONGEST_US = 300_000;

/** How much later than the earliest of them, by the plan, frames were sent. */
function lateness(frames: Probes['delay'], sentUs: Float64Array): number[] {
  const offsets = frames.map(({ atUs }, i) => (sentUs[i] as number) - atUs);
  const least = Math.min(...offsets);
  return offsets.map((offset) => offset - least);
}
