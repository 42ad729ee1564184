/** Sends the probes of many directions at once and notes when they left and arrived. */
import { Arena } from '../../../src/host/arena.js';
import { Netlink } from '../../../src/host/netlink/netlink.js';
import { Poller } from '../../../src/host/poller.js';
import { inNamespace } from '../../backend/netns/enter.js';
import { PacketQueue } from '../../emulation/packet-queue.js';
import { Slots } from '../../emulation/slots.js';
import { readTrace } from '../../topology/traces.js';
import { PacketMemory, PacketSocket } from '../packet-socket.js';
import { raisePriority } from '../priority.js';
import { type Calibration, type Expected, judge, type ProbeFrame, type ProbeTimes, probesFor } from './direction.js';
import { PROBE_ETHERTYPE, readProbe, writeProbe } from './probe.js';

/** A direction and where its ends are: names of network namespaces and of interfaces there. */
export interface Measured {
  readonly expected: Expected;
  readonly source: Place;
  readonly destination: Place;
}

export interface CalibrationRequest {
  readonly directions: readonly Measured[];
  /** Control socket of the relay, whose traces start again; null: there is none. */
  readonly relay: string | null;
}

export interface Place {
  readonly namespace: string;
  readonly interface: string;
}

/** Frames to send from one place to another. */
export interface Exchange {
  readonly source: Place;
  readonly destination: Place;
  readonly frames: readonly ProbeFrame[];
  /** How long the last frame may take, us. */
  readonly longestUs: number;
}

export interface Exchanged extends ProbeTimes {
  /** How often each frame arrived. */
  readonly copies: Uint8Array;
}

const SLOT_COUNT = 256;
const MARGIN_US = 50_000;
/** For what a trace holds (trace.ts). */
const TRACE_WAIT_US = 1_100_000;
/** Until the first probe leaves: sockets are opened meanwhile, two for each direction. */
const START_US = 20_000;
const OPEN_US = 2_000;
/** Frames between two looks at what has arrived. */
const SENT_AT_ONCE = 16;
const BOOKKEEPING_BYTES = 1 << 20;

/**
 * Takes a second or so; blocks the thread. `originUs`: when traces started, as CLOCK_REALTIME tells time. Throws SystemError, LabError
 * (E_LAB_NAMESPACE, E_LAB_TRACE).
 */
export function measure(directions: readonly Measured[], originUs: number): Calibration[] {
  raisePriority();
  const startUs = Date.now() * 1000 + START_US + directions.length * OPEN_US;
  const prepared = directions.map(({ expected, source, destination }, index) => {
    const trace = expected.trace === null ? null : readTrace(expected.trace.file);
    const running = trace && { trace, originUs: originUs - startUs };
    const probes = probesFor(expected, index, directions.length, running);
    const frames = [...probes.delay, ...probes.rate];
    return { expected, trace, probes, source, destination, frames, longestUs: longestUs(expected, probes.rate) };
  });
  const times = exchange(prepared, startUs);
  return prepared.map(({ expected, trace, probes }, index) =>
    judge(expected, probes, times[index] as Exchanged, trace && { trace, originUs }),
  );
}

/** What the last frame may take: the delay, and the wait in the queue that the train leaves or for its trace. */
function longestUs({ delayUs, jitterUs, trace }: Expected, train: readonly ProbeFrame[]): number {
  const trainUs = (train[train.length - 1]?.atUs ?? 0) - (train[0]?.atUs ?? 0);
  return delayUs + jitterUs + (trace === null ? trainUs * 0.2 : TRACE_WAIT_US);
}

/** Sends all frames at their times, from `startUs` on or at once, and waits for them. Blocks the thread. Throws SystemError, LabError (E_LAB_NAMESPACE). */
export function exchange(exchanges: readonly Exchange[], startUs?: number): Exchanged[] {
  const longest = Math.max(...exchanges.flatMap(({ frames }) => frames.map(({ bytes }) => bytes)));
  const slotBytes = Math.ceil((longest + 4) / 64) * 64;
  using arena = Arena.allocate(SLOT_COUNT * slotBytes + BOOKKEEPING_BYTES);
  const slotsAt = arena.memory.allocate(SLOT_COUNT * slotBytes);
  const memory = new PacketMemory(arena, new Slots(SLOT_COUNT), slotsAt, slotBytes);
  const poller = new Poller(arena);
  const paths: ProbedPath[] = [];
  try {
    for (const one of exchanges) {
      const path = new ProbedPath(one, paths.length, memory);
      paths.push(path);
      poller.add(path);
    }
    run(paths, poller, memory, startUs ?? memory.wallUs() + 1000);
    return paths.map(({ times }) => times);
  } finally {
    for (const path of paths) path[Symbol.dispose]();
  }
}

interface Event {
  readonly atUs: number;
  readonly path: ProbedPath;
  readonly sequence: number;
  readonly bytes: number;
}

function run(paths: readonly ProbedPath[], poller: Poller, memory: PacketMemory, start: number): void {
  const events = paths.flatMap((path) => path.events()).sort((a, b) => a.atUs - b.atUs);
  const lastUs = events[events.length - 1]?.atUs ?? 0;
  const longest = Math.max(...paths.map((path) => path.longestUs));
  let end = start + lastUs + longest + MARGIN_US;
  for (let next = 0; ; ) {
    const now = memory.wallUs();
    const event = events[next];
    if (event !== undefined && start + event.atUs <= now) {
      event.path.send(event.sequence, event.bytes);
      // A sender that is late all the time must receive all the same.
      if (next % SENT_AT_ONCE === 0 && poller.wait(0) > 0) poller.dispatch(memory.wallUs());
      // A machine that sends late may receive late as well.
      if (++next === events.length) end = Math.max(end, now + longest + MARGIN_US);
      continue;
    }
    if (event === undefined && paths.every((path) => path.complete)) return;
    const until = event === undefined ? end : start + event.atUs;
    // What has arrived is read, however late it is by now.
    if (poller.wait(Math.max(0, until - now)) > 0) poller.dispatch(memory.wallUs());
    else if (event === undefined && now >= end) return;
  }
}

class ProbedPath implements Disposable {
  readonly times: Exchanged;
  readonly longestUs: number;
  readonly #frames: readonly ProbeFrame[];
  readonly #view: DataView;
  readonly #queue = new PacketQueue();
  readonly #sender: PacketSocket;
  readonly #receiver: PacketSocket;
  #missing: number;

  constructor(
    { source, destination, frames, longestUs }: Exchange,
    private readonly index: number,
    private readonly memory: PacketMemory,
  ) {
    this.#frames = frames;
    this.longestUs = longestUs;
    const count = frames.length;
    this.#missing = count;
    this.times = {
      sentUs: new Float64Array(count).fill(Number.NaN),
      leftUs: new Float64Array(count).fill(Number.NaN),
      arrivedUs: new Float64Array(count).fill(Number.NaN),
      copies: new Uint8Array(count),
    };
    const { bytes } = memory.arena.memory;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // What is only sent by receives nothing: no frame has this type.
    this.#sender = openAt(source, memory, SEND_ONLY);
    try {
      this.#receiver = openAt(destination, memory, PROBE_ETHERTYPE);
    } catch (error) {
      this.#sender[Symbol.dispose]();
      throw error;
    }
  }

  get fd(): number {
    return this.#receiver.fd;
  }

  get complete(): boolean {
    return this.#missing === 0;
  }

  events(): Event[] {
    return this.#frames.map(({ atUs, bytes }, sequence) => ({ atUs, path: this, sequence, bytes }));
  }

  send(sequence: number, bytes: number): void {
    const slot = this.memory.slots.take();
    if (slot === -1) throw new RangeError('no slot is free between two turns');
    writeProbe(this.#view, this.memory.offsetOf(slot), this.index, sequence);
    this.#queue.push(0, slot, bytes);
    this.times.sentUs[sequence] = this.memory.wallUs();
    // What the queueing discipline drops is reported as refused; it counts as lost.
    if (!this.#sender.send(this.#queue)) this.#drop();
    this.times.leftUs[sequence] = this.memory.wallUs();
  }

  ready(): void {
    this.#receiver.receive((arrivedUs, slot, bytes) => {
      const sequence = readProbe(this.#view, this.memory.offsetOf(slot), bytes, this.index);
      this.memory.slots.release(slot);
      const { arrivedUs: arrived, copies } = this.times;
      if (sequence < 0 || sequence >= arrived.length) return;
      if (copies[sequence]++ > 0) return;
      arrived[sequence] = arrivedUs;
      this.#missing--;
    }, 'wall');
  }

  [Symbol.dispose](): void {
    this.#sender[Symbol.dispose]();
    this.#receiver[Symbol.dispose]();
  }

  #drop(): void {
    this.memory.slots.release(this.#queue.slot());
    this.#queue.shift();
  }
}

/** EtherType 2 of those for experiments, which nobody here sends. */
const SEND_ONLY = 0x88b6;

function openAt({ namespace, interface: device }: Place, memory: PacketMemory, protocol: number): PacketSocket {
  return inNamespace(namespace, () => PacketSocket.open(interfaceIndex(device), memory, { protocol, queued: true }));
}

/** In the namespace that the caller is in. */
function interfaceIndex(name: string): number {
  using netlink = new Netlink();
  const link = netlink.links().find((own) => own.name === name);
  if (link === undefined) throw new Error(`there is no interface ${name}`);
  return link.index;
}
