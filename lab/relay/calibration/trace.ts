/** A direction that follows a trace: frames that keep it busy, and when each must arrive. Pure. */
import type { Trace } from '../../emulation/trace.js';
import { traceTransmitter } from '../../emulation/trace-transmitter.js';
import type { QueueLimit } from '../../topology/topology.js';
import { PROBE_BYTES_MIN } from './probe.js';

/** So much of a trace is followed, and up to the second figure where little gets through at first. */
const WINDOW_US = 500_000;
const WINDOW_MAX_US = 2_000_000;
const FRAMES_MIN = 20;
const FRAMES_MAX = 4000;
const STEP_US = 1000;
/** What waits keeps the link busy though frames are sent in steps, and fills no queue. */
const BACKLOG_US = 3000;
const BACKLOG_FRAMES = 3;
/**
 * What a process does for the first time takes some 0.2 ms longer, so that it is not known when its first frame entered the link. Frames that wait for
 * each other would all be off by that, and by ten times as much where the rate falls to a tenth. So the first ones go alone.
 */
const ALONE_FRAMES = 3;
const ALONE_US = 5000;
/** A frame that an outage would hold for longer is not sent. */
const HELD_MAX_US = 1_000_000;

/** One frame: when, from the start of the measurement, and how long. */
export interface TraceFrame {
  readonly atUs: number;
  readonly bytes: number;
}

/** `sinceUs`: how long the trace has been running when the measurement starts. */
export function traceFrames(trace: Trace, sinceUs: number, limit: QueueLimit, frameBytes: number): TraceFrame[] {
  let last: TraceFrame[] = [];
  for (const windowUs of [WINDOW_US, WINDOW_MAX_US]) {
    for (const bytes of [frameBytes, PROBE_BYTES_MIN]) {
      const { frames, arrived } = busy(trace, sinceUs, limit, bytes, windowUs);
      if (arrived >= FRAMES_MIN) return frames;
      last = frames;
    }
  }
  return last;
}

function busy(trace: Trace, sinceUs: number, limit: QueueLimit, bytes: number, windowUs: number) {
  const transmitter = traceTransmitter(trace, -sinceUs);
  const frames: TraceFrame[] = [];
  const done: number[] = [];
  let gone = 0;
  const send = (at: number, size: number, finish: number): void => {
    frames.push({ atUs: at, bytes: size });
    done.push(finish);
  };
  for (let i = 0; i < ALONE_FRAMES; i++) {
    const at = i * ALONE_US;
    const finish = transmitter.finish(Math.max(at, done[done.length - 1] ?? 0), PROBE_BYTES_MIN);
    if (finish > at + HELD_MAX_US) break;
    send(at, PROBE_BYTES_MIN, finish);
  }
  for (let at = frames.length * ALONE_US; at < windowUs; at += STEP_US) {
    for (; gone < done.length && done[gone] <= at; gone++);
    for (;;) {
      const last = done[done.length - 1] ?? 0;
      const waiting = done.length - gone;
      const wanted = waiting < BACKLOG_FRAMES || last < at + BACKLOG_US;
      if (frames.length === FRAMES_MAX || !wanted || !fits(limit, waiting, bytes, transmitter.rateBps(at))) break;
      const finish = transmitter.finish(Math.max(at, last), bytes);
      if (finish > at + HELD_MAX_US) return { frames, arrived: done.filter((time) => time <= windowUs).length };
      send(at, bytes, finish);
    }
  }
  return { frames, arrived: done.filter((time) => time <= windowUs).length };
}

/** Well within the limit: half of its time, since rates change while packets wait. */
function fits(limit: QueueLimit, waiting: number, bytes: number, bps: number): boolean {
  if (waiting === 0) return true;
  switch (limit.kind) {
    case 'packets':
      return waiting < limit.packets;
    case 'bytes':
      return (waiting + 1) * bytes <= limit.bytes;
    case 'time':
      return waiting * bytes * 8e6 <= (limit.us / 2) * bps;
  }
}

/** When frames arrive: alone, and behind those before them, which they do not overtake when the delay falls. NaN: never sent. */
export interface TraceArrivals {
  readonly aloneUs: Float64Array;
  readonly inOrderUs: Float64Array;
}

/** For frames that enter the direction at `sentUs`; `originUs` is when its trace started. */
export function traceArrivals(
  trace: Trace,
  originUs: number,
  delayUs: number,
  frames: readonly TraceFrame[],
  sentUs: ArrayLike<number>,
): TraceArrivals {
  const transmitter = traceTransmitter(trace, originUs);
  const aloneUs = new Float64Array(frames.length).fill(Number.NaN);
  const inOrderUs = new Float64Array(frames.length).fill(Number.NaN);
  let idleSince = Number.NEGATIVE_INFINITY;
  let lastDue = Number.NEGATIVE_INFINITY;
  frames.forEach(({ bytes }, i) => {
    const sent = sentUs[i] ?? Number.NaN;
    if (Number.isNaN(sent)) return;
    idleSince = transmitter.finish(Math.max(idleSince, sent), bytes);
    aloneUs[i] = idleSince + delayUs + transmitter.delayUs(idleSince);
    lastDue = Math.max(lastDue, aloneUs[i]);
    inOrderUs[i] = lastDue;
  });
  return { aloneUs, inOrderUs };
}
