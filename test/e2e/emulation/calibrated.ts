/** What links measure, beside a plain link of the same moment: how late the machine itself is. */
import { type Emulator, Lab, parseTopology } from '../../../lab/lab.js';
import { type Calibration, expectedOf } from '../../../lab/relay/calibration/direction.js';
import { type Measured, measure } from '../../../lab/relay/calibration/measure.js';

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
  /** The same of a link without any emulator, measured at the same time. */
  readonly plainMedianUs: number;
  readonly plainP99Us: number;
}

/** A machine that was busy for a moment is measured again, as for every calibration. */
const ATTEMPTS = 3;

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
    const found = figures(directions, measure(directions));
    best = best.length === 0 ? found : best.map((own, i) => better(own, found[i] as Figures));
    if (best.every((own) => faults(own).length === 0)) break;
  }
  return best;
}

/** What is beyond the bounds; the p99 of a delay, beyond what the plain link had as well. */
export function faults(own: Figures): string[] {
  const { direction, rateBps, delayUs, measuredBps, medianUs, p99Us, plainP99Us } = own;
  const found: string[] = [];
  if (rateBps !== null && !(Math.abs((measuredBps ?? 0) / rateBps - 1) <= RATE_TOLERANCE)) found.push('rate');
  if (!(Math.abs(medianUs - delayUs) <= DELAY_TOLERANCE_US)) found.push('median');
  if (!(p99Us - delayUs <= DELAY_P99_TOLERANCE_US + plainP99Us)) found.push('p99');
  return found.map((what) => `${direction}: ${what} of ${JSON.stringify(own)}`);
}

function better(a: Figures, b: Figures): Figures {
  if (faults(a).length !== faults(b).length) return faults(a).length < faults(b).length ? a : b;
  return a.p99Us - a.plainP99Us <= b.p99Us - b.plainP99Us ? a : b;
}

function figures(directions: readonly Measured[], calibrations: readonly Calibration[]): Figures[] {
  const plain = calibrations.filter(({ emulator }) => emulator === 'none').map(({ delay }) => delay);
  const most = (of: 'medianUs' | 'p99Us'): number => Math.max(...plain.map((delay) => delay?.[of] ?? Number.NaN));
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
        plainMedianUs: most('medianUs'),
        plainP99Us: most('p99Us'),
      },
    ];
  });
}
