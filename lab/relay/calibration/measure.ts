/** Sends the probes of many directions at once and notes when they left and arrived. */
import { Arena } from '../../../src/host/arena.js';
import { Netlink } from '../../../src/host/netlink/netlink.js';
import { Poller } from '../../../src/host/poller.js';
import { inNamespace } from '../../backend/netns/enter.js';
import { PacketQueue } from '../../emulation/packet-queue.js';
import { Slots } from '../../emulation/slots.js';
import type { Trace } from '../../emulation/trace.js';
import { readTrace } from '../../topology/traces.js';
import { PacketMemory, PacketSocket } from '../packet-socket.js';
import { raisePriority } from '../priority.js';
import { type Calibration, type Expected, judge, type Probes, type ProbeTimes, probesFor } from './direction.js';
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

const SLOT_COUNT = 256;
const MARGIN_US = 50_000;
/** For what a trace holds (trace.ts). */
const TRACE_WAIT_US = 1_100_000;
/** Until the first probe leaves: what is sent is worked out meanwhile. */
const START_US = 20_000;
const BOOKKEEPING_BYTES = 1 << 20;

/**
 * Takes a second or so; blocks the thread. `originUs`: when traces started, as CLOCK_REALTIME tells time. Throws SystemError, LabError
 * (E_LAB_NAMESPACE, E_LAB_TRACE).
 */
export function measure(directions: readonly Measured[], originUs: number): Calibration[] {
  const slotBytes = Math.ceil((Math.max(...directions.map(({ expected }) => expected.frameBytes)) + 4) / 64) * 64;
  using arena = Arena.allocate(SLOT_COUNT * slotBytes + BOOKKEEPING_BYTES);
  const slotsAt = arena.memory.allocate(SLOT_COUNT * slotBytes);
  const memory = new PacketMemory(arena, new Slots(SLOT_COUNT), slotsAt, slotBytes);
  const poller = new Poller(arena);
  raisePriority();
  const paths: MeasuredPath[] = [];
  try {
    for (const direction of directions) {
      const path = new MeasuredPath(direction, paths.length, memory);
      paths.push(path);
      poller.add(path);
    }
    run(paths, poller, memory, originUs);
    return paths.map((path) => path.judge());
  } finally {
    for (const path of paths) path[Symbol.dispose]();
  }
}

interface Event {
  readonly atUs: number;
  readonly path: MeasuredPath;
  readonly sequence: number;
  readonly bytes: number;
}

function run(paths: readonly MeasuredPath[], poller: Poller, memory: PacketMemory, originUs: number): void {
  const start = memory.wallUs() + START_US;
  for (const path of paths) path.begin(start, originUs, paths.length);
  const events = paths.flatMap((path) => path.events()).sort((a, b) => a.atUs - b.atUs);
  const end = start + Math.max(...paths.map((path) => path.lastUs)) + MARGIN_US;
  for (let next = 0; ; ) {
    const now = memory.wallUs();
    const event = events[next];
    if (event !== undefined && start + event.atUs <= now) {
      event.path.send(event.sequence, event.bytes);
      next++;
      continue;
    }
    if (now >= end || (event === undefined && paths.every((path) => path.complete))) return;
    const until = event === undefined ? end : start + event.atUs;
    if (poller.wait(Math.max(0, until - now)) > 0) poller.dispatch(memory.wallUs());
  }
}

class MeasuredPath implements Disposable {
  readonly #expected: Expected;
  readonly #trace: Trace | null;
  #originUs = 0;
  #probes: Probes = { delay: [], rate: [] };
  #times: ProbeTimes = { sentUs: new Float64Array(0), arrivedUs: new Float64Array(0) };
  readonly #view: DataView;
  readonly #queue = new PacketQueue();
  readonly #sender: PacketSocket;
  readonly #receiver: PacketSocket;
  #missing = 0;

  constructor(
    { expected, source, destination }: Measured,
    private readonly index: number,
    private readonly memory: PacketMemory,
  ) {
    this.#expected = expected;
    this.#trace = expected.trace === null ? null : readTrace(expected.trace.file);
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

  /** Works out what is sent from `startUs` on. */
  begin(startUs: number, originUs: number, count: number): void {
    this.#originUs = originUs;
    const running = this.#trace === null ? null : { trace: this.#trace, originUs: originUs - startUs };
    this.#probes = probesFor(this.#expected, this.index, count, running);
    const frames = this.#probes.delay.length + this.#probes.rate.length;
    this.#missing = frames;
    this.#times = {
      sentUs: new Float64Array(frames).fill(Number.NaN),
      arrivedUs: new Float64Array(frames).fill(Number.NaN),
    };
  }

  get fd(): number {
    return this.#receiver.fd;
  }

  get complete(): boolean {
    return this.#missing === 0;
  }

  /** When the last frame is there: it takes the delay, and waits in the queue that the train leaves or for its trace. */
  get lastUs(): number {
    const { delayUs, jitterUs } = this.#expected;
    const { delay, rate: train } = this.#probes;
    const [first = 0, last = 0] = [train[0]?.atUs, train[train.length - 1]?.atUs];
    const waitUs = this.#trace === null ? (last - first) * 0.2 : TRACE_WAIT_US;
    return Math.max(last, delay[delay.length - 1]?.atUs ?? 0) + waitUs + delayUs + jitterUs;
  }

  events(): Event[] {
    return [...this.#probes.delay, ...this.#probes.rate].map(({ atUs, bytes }, sequence) => ({
      atUs,
      path: this,
      sequence,
      bytes,
    }));
  }

  send(sequence: number, bytes: number): void {
    const slot = this.memory.slots.take();
    if (slot === -1) throw new RangeError('no slot is free between two turns');
    writeProbe(this.#view, this.memory.offsetOf(slot), this.index, sequence);
    this.#queue.push(0, slot, bytes);
    this.#times.sentUs[sequence] = this.memory.wallUs();
    // What the queueing discipline drops is reported as refused; it counts as lost.
    if (!this.#sender.send(this.#queue)) this.#drop();
  }

  ready(_events: number, nowUs: number): void {
    this.#receiver.receive(nowUs, (arrivedUs, slot, bytes) => {
      const sequence = readProbe(this.#view, this.memory.offsetOf(slot), bytes, this.index);
      this.memory.slots.release(slot);
      if (sequence < 0 || sequence >= this.#times.arrivedUs.length) return;
      if (!Number.isNaN(this.#times.arrivedUs[sequence])) return;
      this.#times.arrivedUs[sequence] = arrivedUs;
      this.#missing--;
    });
  }

  judge(): Calibration {
    const running = this.#trace === null ? null : { trace: this.#trace, originUs: this.#originUs };
    return judge(this.#expected, this.#probes, this.#times, running);
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
