/** What one direction of a link should be, what is sent to find out, and what the arrivals say. Pure. */

import type { Trace } from '../../emulation/trace.js';
import type { Emulator, PlannedEnd, PlannedLink } from '../../plan/plan.js';
import type { QueueLimit } from '../../topology/topology.js';
import { PROBE_BYTES_MIN } from './probe.js';
import { type TraceArrivals, traceArrivals, traceFrames } from './trace.js';

/** One direction of a link that is measured. */
export interface Expected {
  readonly link: string;
  readonly from: string;
  readonly to: string;
  readonly emulator: Emulator;
  /** bit/s; null: unlimited, or a trace. */
  readonly rateBps: number | null;
  /** One way, of a smallest frame on an idle link; with a trace, what comes on top of the trace's own. */
  readonly delayUs: number;
  /** null: rate and delay are constant. */
  readonly trace: { readonly file: string; readonly limit: QueueLimit } | null;
  readonly jitterUs: number;
  /** Share of packets that are lost. */
  readonly loss: number;
  /** Share of packets that skip the delay. */
  readonly reorder: number;
  /** What an idle link lets through at once, bytes. */
  readonly burstBytes: number;
  readonly frameBytes: number;
}

/** What was found; null where there was nothing to measure. */
export interface Calibration {
  readonly link: string;
  readonly from: string;
  readonly to: string;
  readonly emulator: Emulator;
  /** Of the followed part, where the direction has a trace. */
  readonly rateBps: number | null;
  /** Of small frames on the idle link; of frames that wait for each other, where it has a trace. */
  readonly delay: { readonly medianUs: number; readonly p99Us: number } | null;
  /** us of its trace for which each frame was compared with the time at which the trace lets it arrive; null: it has none. */
  readonly traceUs: number | null;
  /** What is wrong; empty when the link is what it should be. */
  readonly faults: readonly string[];
}

/** One frame: when, from the start of the measurement, and how long. */
export interface ProbeFrame {
  readonly atUs: number;
  readonly bytes: number;
}

export interface Probes {
  /** On the idle link. */
  readonly delay: readonly ProbeFrame[];
  /** Faster than the link, so that it is never idle; as fast as its trace, where it has one. */
  readonly rate: readonly ProbeFrame[];
}

/** A trace that runs. */
export interface RunningTrace {
  readonly trace: Trace;
  /** When it started, in the clock of the probes. */
  readonly originUs: number;
}

/** Bounds up to 100 Mbit/s and 400 ms; links beyond are measured all the same. */
const RATE_TOLERANCE = 0.02;
const DELAY_TOLERANCE_US = 500;
const DELAY_P99_TOLERANCE_US = 1000;
const RATE_BOUND_BPS = 100e6;
const DELAY_BOUND_US = 400_000;

const DELAY_PROBES = 100;
const DELAY_SPACING_US = 4000;
const TRAIN_US = 100_000;
/** Slow links get a longer train of shorter frames. */
const SLOW_TRAIN_US = 250_000;
const TRAIN_FRAMES_MIN = 20;
const TRAIN_FRAMES_MAX = 4000;
const OVERLOAD = 1.1;
/** Between the last probe of the delay and the train. */
const PAUSE_US = 20_000;
/** So many directions at a time are sent probes of the delay as often as that; more share them. */
const DIRECTIONS_AT_FULL_PACE = 64;
/** Trains of different directions start apart. */
const STAGGER_US = 60_000;
const STAGGERS = 4;

export function expectedOf(link: PlannedLink, end: 0 | 1): Expected {
  const from = link.ends[end];
  const { shaping, emulation } = from;
  const file = emulation?.trace ?? null;
  const rateBps = shaping?.rateBps ?? null;
  return {
    link: link.name,
    from: from.node,
    to: link.ends[end === 0 ? 1 : 0].node,
    emulator: link.emulator,
    rateBps,
    delayUs: (emulation?.delayUs ?? 0) + transmissionUs(link.emulator, shaping),
    trace: emulation === null || file === null ? null : { file, limit: emulation.limit },
    jitterUs: emulation?.jitterUs ?? 0,
    loss: emulation?.loss?.mean ?? 0,
    reorder: emulation?.reorder ?? 0,
    burstBytes: shaping?.burstBytes ?? 0,
    frameBytes: link.mtu + 14,
  };
}

/** A bucket lets a single frame through at once; the relay takes its time. */
function transmissionUs(emulator: Emulator, shaping: PlannedEnd['shaping']): number {
  return emulator !== 'relay' || shaping === null ? 0 : (PROBE_BYTES_MIN * 8e6) / shaping.rateBps;
}

/**
 * `index` of the direction among the `count` that are measured together. `running` is its trace, where it has one; the origin counts from the
 * start of the measurement.
 */
export function probesFor(
  { rateBps, burstBytes, frameBytes, trace }: Expected,
  index: number,
  count = 1,
  running: RunningTrace | null = null,
): Probes {
  if (trace !== null) {
    if (running === null) return { delay: [], rate: [] };
    return { delay: [], rate: traceFrames(running.trace, -running.originUs, trace.limit, frameBytes) };
  }
  const pace = DELAY_SPACING_US * Math.ceil(count / DIRECTIONS_AT_FULL_PACE);
  // Frames of a slow link must not wait for each other.
  const spacing = Math.max(pace, rateBps === null ? 0 : (PROBE_BYTES_MIN * 16e6) / rateBps);
  const length = Math.floor((DELAY_PROBES * pace) / spacing);
  const apart = ((index % DIRECTIONS_AT_FULL_PACE) * spacing) / DIRECTIONS_AT_FULL_PACE;
  const delay = Array.from({ length }, (_, i) => ({ atUs: i * spacing + apart, bytes: PROBE_BYTES_MIN }));
  if (rateBps === null) return { delay, rate: [] };

  const perSecond = rateBps / 8e6;
  const wanted = Math.floor((perSecond * TRAIN_US) / frameBytes);
  const bytes =
    wanted >= TRAIN_FRAMES_MIN
      ? frameBytes
      : Math.min(frameBytes, Math.max(PROBE_BYTES_MIN, Math.floor((perSecond * SLOW_TRAIN_US) / TRAIN_FRAMES_MIN)));
  const frames = Math.min(TRAIN_FRAMES_MAX, Math.max(TRAIN_FRAMES_MIN, wanted)) + burstFrames(burstBytes, bytes);
  const start = DELAY_PROBES * pace + PAUSE_US + (index % STAGGERS) * STAGGER_US;
  const step = bytes / perSecond / OVERLOAD;
  return { delay, rate: Array.from({ length: frames }, (_, i) => ({ atUs: start + i * step, bytes })) };
}

/** Frames at the start of a train that do not tell the rate. */
function burstFrames(burstBytes: number, bytes: number): number {
  return burstBytes === 0 ? 0 : Math.ceil(burstBytes / bytes) + 2;
}

/** Times of probes by their sequence numbers: those of the delay first. NaN: not sent, or not arrived. */
export interface ProbeTimes {
  /** Before the call that sends it. */
  readonly sentUs: Float64Array;
  /** After it: the frame entered the link in between. */
  readonly leftUs: Float64Array;
  readonly arrivedUs: Float64Array;
}

/** `running`: as for `probesFor`, in the clock of the times. */
export function judge(
  expected: Expected,
  probes: Probes,
  times: ProbeTimes,
  running: RunningTrace | null = null,
): Calibration {
  const { link, from, to, emulator } = expected;
  const faults: string[] = [];
  const base = { link, from, to, emulator, faults };
  if (running !== null) return { ...base, ...judgeTrace(expected, running, probes, times, faults) };
  const delay = judgeDelay(expected, probes, times, faults);
  const rateBps = judgeRate(expected, probes, times, faults);
  return { ...base, rateBps, delay, traceUs: null };
}

/**
 * Each frame against the times at which the trace lets it arrive. When it entered the link is known to within the call that sent it, some 20 us: a
 * trace makes that ten times as much for all that wait behind it where its rate falls to a tenth, and more at an outage, which a frame just misses or not.
 * So there is an earliest and a latest time for each.
 */
function judgeTrace(
  expected: Expected,
  { trace, originUs }: RunningTrace,
  { rate: frames }: Probes,
  { sentUs, leftUs, arrivedUs }: ProbeTimes,
  faults: string[],
): Pick<Calibration, 'rateBps' | 'delay' | 'traceUs'> {
  const { delayUs, jitterUs, loss, reorder } = expected;
  const earliest = traceArrivals(trace, originUs, delayUs, frames, sentUs);
  const latest = traceArrivals(trace, originUs, delayUs, frames, leftUs);
  const gaps = loss > 0 || reorder > 0;
  // Behind a frame that is lost there is nothing to wait for.
  const dueIn = ({ aloneUs, inOrderUs }: TraceArrivals, i: number): number =>
    gaps ? Math.max(aloneUs[i], Math.min(inOrderUs[i], arrivedUs[i])) : inOrderUs[i];
  const unsure = frames.map((_, i) => dueIn(latest, i) - dueIn(earliest, i)).filter((us) => !Number.isNaN(us));
  const arrived = frames.flatMap(({ bytes }, i) => {
    const dueUs = Math.min(Math.max(arrivedUs[i], dueIn(earliest, i)), dueIn(latest, i));
    const measured = { bytes, dueUs, tookUs: arrivedUs[i] - sentUs[i], lateUs: arrivedUs[i] - dueUs };
    // Those that skip the delay are no measure of it.
    const skipped = reorder > 0 && measured.lateUs < -delayUs / 2;
    return Number.isNaN(measured.lateUs) || skipped ? [] : [measured];
  });
  const [first, last] = [arrived[0], arrived[arrived.length - 1]];
  const traceUs = last === undefined ? 0 : Math.max(0, last.dueUs - originUs);
  tellMissing(expected, arrived.length, frames.length, faults);
  if (first === undefined || last === undefined) return { rateBps: null, delay: null, traceUs };
  const bits = arrived.slice(1).reduce((sum, { bytes }) => sum + bytes * 8, 0);
  const [should, is] = [last.dueUs - first.dueUs, last.dueUs + last.lateUs - first.dueUs - first.lateUs];
  const rateBps = arrived.length < 2 ? null : (bits * 1e6) / is;
  const took = arrived.map(({ tookUs }) => tookUs).sort((a, b) => a - b);
  const delay = { medianUs: quantile(took, 0.5), p99Us: quantile(took, 0.99) };
  const errors = arrived.map(({ lateUs }) => Math.max(0, Math.abs(lateUs) - jitterUs)).sort((a, b) => a - b);
  const [median, p99] = [quantile(errors, 0.5), quantile(errors, 0.99)];
  if (delay.medianUs <= DELAY_BOUND_US && (median > DELAY_TOLERANCE_US || p99 > DELAY_P99_TOLERANCE_US)) {
    faults.push(
      `frames come at other times than its trace lets them: off by ${ms(median)} at the median and ${ms(p99)} at p99; ` +
        `at most ${ms(DELAY_TOLERANCE_US)} and ${ms(DELAY_P99_TOLERANCE_US)} are allowed`,
    );
  }
  const unsureUs = quantile(
    unsure.sort((a, b) => a - b),
    0.5,
  );
  if (unsureUs > DELAY_TOLERANCE_US) {
    faults.push(`this machine cannot tell when it sent frames: they are due within ${ms(unsureUs)} at the median`);
  }
  const wanted = (bits * 1e6) / should;
  const allowed = RATE_TOLERANCE + (2 * jitterUs) / should;
  if (rateBps !== null && wanted <= RATE_BOUND_BPS && Math.abs(rateBps / wanted - 1) > allowed) {
    faults.push(`${mbit(rateBps)} where its trace has ${mbit(wanted)}`);
  }
  return { rateBps, delay, traceUs };
}

/** Half of what should arrive is enough for a lossy link, since losses may come in runs. */
function tellMissing({ loss, reorder }: Expected, arrived: number, sent: number, faults: string[]): void {
  const least = loss > 0 || reorder > 0 ? sent * (1 - loss) * (1 - reorder) * 0.5 : sent * 0.95;
  if (sent > 0 && (arrived < least || arrived === 0)) faults.push(`${arrived} of ${sent} probes arrived`);
}

function judgeDelay(
  expected: Expected,
  { delay }: Probes,
  { sentUs, arrivedUs }: ProbeTimes,
  faults: string[],
): Calibration['delay'] {
  const { delayUs, jitterUs, reorder } = expected;
  const delays: number[] = [];
  for (let i = 0; i < delay.length; i++) {
    const took = arrivedUs[i] - sentUs[i];
    // Those that skip the delay are no measure of it.
    if (Number.isNaN(took) || (reorder > 0 && took < delayUs / 2)) continue;
    delays.push(took);
  }
  tellMissing(expected, delays.length, delay.length, faults);
  if (delays.length === 0) return null;
  delays.sort((a, b) => a - b);
  const errors = delays.map((us) => Math.max(0, Math.abs(us - delayUs) - jitterUs)).sort((a, b) => a - b);
  const measured = { medianUs: quantile(delays, 0.5), p99Us: quantile(delays, 0.99) };
  if (delayUs > DELAY_BOUND_US) return measured;
  const [median, p99] = [quantile(errors, 0.5), quantile(errors, 0.99)];
  if (median > DELAY_TOLERANCE_US || p99 > DELAY_P99_TOLERANCE_US) {
    faults.push(
      `delay ${ms(measured.medianUs)} (p99 ${ms(measured.p99Us)}) for ${ms(delayUs)}: off by ${ms(median)} at the median and ` +
        `${ms(p99)} at p99; at most ${ms(DELAY_TOLERANCE_US)} and ${ms(DELAY_P99_TOLERANCE_US)} are allowed`,
    );
  }
  return measured;
}

/** Over the time in which frames waited for each other: from each arrival to that of the frame that was sent next, if it was there by then. */
function judgeRate(
  { rateBps, delayUs, jitterUs, burstBytes }: Expected,
  { delay, rate }: Probes,
  { sentUs, arrivedUs }: ProbeTimes,
  faults: string[],
): number | null {
  if (rateBps === null || rate.length === 0) return null;
  const bytes = rate[0]?.bytes ?? 0;
  let sum = 0;
  let took = 0;
  for (let i = delay.length + burstFrames(burstBytes, bytes) + 1; i < delay.length + rate.length; i++) {
    const waited = arrivedUs[i - 1] - delayUs - sentUs[i];
    const gap = arrivedUs[i] - arrivedUs[i - 1];
    if (!(waited > 0) || !(gap >= 0)) continue;
    sum += bytes;
    took += gap;
  }
  if (sum === 0 || took === 0) {
    faults.push('too little of the probes for the rate arrived');
    return null;
  }
  const measured = (sum * 8e6) / took;
  const error = Math.abs(measured / rateBps - 1);
  const allowed = RATE_TOLERANCE + (2 * jitterUs) / took;
  if (rateBps <= RATE_BOUND_BPS && error > allowed) {
    faults.push(
      `rate ${mbit(measured)} for ${mbit(rateBps)}: off by ${(error * 100).toFixed(1)}%; at most ${(allowed * 100).toFixed(1)}% is allowed`,
    );
  }
  return measured;
}

/** Nearest rank. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

function ms(us: number): string {
  return `${(us / 1000).toFixed(2)} ms`;
}

function mbit(bps: number): string {
  return `${(bps / 1e6).toFixed(2)} Mbit/s`;
}
