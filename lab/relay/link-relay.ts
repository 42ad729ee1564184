/** One relayed link: a socket at each end, a direction from each to the other, one carrier. */

import type { Pollable, Poller } from '../../src/host/poller.js';
import { SharedCarrier } from '../emulation/carrier.js';
import { Direction } from '../emulation/direction.js';
import { PacketQueue } from '../emulation/packet-queue.js';
import type { Slots } from '../emulation/slots.js';
import type { Trace } from '../emulation/trace.js';
import type { PacketMemory } from './packet-socket.js';
import { FULL_BATCH, PacketSocket } from './packet-socket.js';
import type { ForwarderChange, RelayCounters, RelayDirection, RelayLink } from './protocol.js';

const BATCHES_A_TURN = 4;
/**
 * While packets keep coming, they are taken in turns of this length, not one by one: their arrival is stamped by the kernel, and nothing is due
 * before the delay is over.
 */
const TURN_US = 500;
const TURN_MIN_US = 50;
/** When the kernel took no more. */
const RETRY_US = 200;

export class LinkRelay implements Disposable {
  readonly name: string;
  readonly carrier = new SharedCarrier();
  readonly ends: readonly [RelayEnd, RelayEnd];

  constructor(
    link: RelayLink,
    traces: readonly [Trace | null, Trace | null],
    indexes: readonly [number, number],
    memory: PacketMemory,
    poller: Poller,
    nowUs: number,
  ) {
    this.name = link.name;
    this.carrier.setCut(link.cut);
    const sockets = openBoth(indexes, memory);
    const direction = (end: 0 | 1): Direction =>
      new Direction(settingsOf(link.directions[end], traces[end]), memory.slots, nowUs);
    const [there, back] = [direction(0), direction(1)];
    this.ends = [
      new RelayEnd(indexes[0], sockets[0], there, back, memory.slots, poller),
      new RelayEnd(indexes[1], sockets[1], back, there, memory.slots, poller),
    ];
  }

  /** Takes what has come and sends what is due by `dueUs`. Returns when there is more to do. */
  forward(nowUs: number, dueUs: number): number {
    const [a, b] = this.ends;
    const turn = Math.min(a.takeTurn(nowUs), b.takeTurn(nowUs));
    return Math.min(turn, a.forward(dueUs), b.forward(dueUs));
  }

  change(nowUs: number, ends: readonly (0 | 1)[], change: ForwarderChange): void {
    const ended = {
      ...(change.rateBps !== undefined && { trace: null }),
      ...(change.trace !== undefined && { rateBps: null }),
    };
    for (const end of ends) this.ends[end].outgoing.change(nowUs, { ...ended, ...change });
  }

  /** After the carrier's state changed. */
  applyCarrier(): void {
    for (const { outgoing } of this.ends) outgoing.setCarrier(this.carrier.up);
  }

  reset(nowUs: number): void {
    for (const end of this.ends) end.reset(nowUs);
  }

  counters(): RelayCounters[] {
    return ([0, 1] as const).map((end) => {
      const { dropped, ...counted } = this.ends[end].outgoing.counters;
      const far = this.ends[end === 0 ? 1 : 0];
      const faults = { overload: this.ends[end].overload(), refused: far.refused() };
      return { link: this.name, end, ...counted, dropped: { ...dropped, ...faults } };
    });
  }

  [Symbol.dispose](): void {
    for (const end of this.ends) end[Symbol.dispose]();
  }
}

/** The relay's side of one end: what comes from the node goes into `outgoing`, what `incoming` releases goes to the node. */
export class RelayEnd implements Pollable, Disposable {
  readonly #outbox = new PacketQueue();
  /** When packets are taken next without waiting for them; Infinity: the poller waits. */
  #turnUs = Number.POSITIVE_INFINITY;
  #overloadBefore = 0;
  #refusedBefore = 0;

  constructor(
    readonly index: number,
    private readonly socket: PacketSocket,
    readonly outgoing: Direction,
    private readonly incoming: Direction,
    private readonly slots: Slots,
    private readonly poller: Poller,
  ) {}

  get fd(): number {
    return this.socket.fd;
  }

  ready(_events: number, nowUs: number): void {
    this.#receive();
    const turn = Math.min(TURN_US, this.outgoing.leastDelayUs / 2);
    if (turn < TURN_MIN_US) return;
    this.#turnUs = nowUs + turn;
    this.poller.watch(this, false);
  }

  /** Takes what came since the last turn. Returns when the next is; Infinity when the poller waits for packets. */
  takeTurn(nowUs: number): number {
    if (nowUs < this.#turnUs || this.#turnUs === Number.POSITIVE_INFINITY) return this.#turnUs;
    if (this.#receive() > 0) {
      this.#turnUs = nowUs + Math.min(TURN_US, this.outgoing.leastDelayUs / 2);
    } else {
      this.#turnUs = Number.POSITIVE_INFINITY;
      this.poller.watch(this, true);
    }
    return this.#turnUs;
  }

  /** Sends all that is due by `dueUs`. Returns when there is more to do. */
  forward(dueUs: number): number {
    this.incoming.release(dueUs, this.#outbox);
    if (this.#outbox.length > 0 && !this.socket.send(this.#outbox)) return dueUs + RETRY_US;
    return this.incoming.nextUs();
  }

  #receive(): number {
    let received = 0;
    for (let i = 0; i < BATCHES_A_TURN; i++) {
      const count = this.socket.receive(this.#take);
      received += count;
      if (count < FULL_BATCH) break;
    }
    return received;
  }

  reset(nowUs: number): void {
    this.outgoing.reset(nowUs);
    for (; this.#outbox.length > 0; this.#outbox.shift()) this.slots.release(this.#outbox.slot());
    this.#overloadBefore += this.overload();
    this.#refusedBefore += this.refused();
  }

  overload(): number {
    return this.socket.spilled + this.socket.missed() - this.#overloadBefore;
  }

  refused(): number {
    return this.socket.refused - this.#refusedBefore;
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
  }

  readonly #take = (arrivedUs: number, slot: number, bytes: number): void => {
    this.outgoing.arrive(arrivedUs, slot, bytes);
  };
}

function openBoth([first, second]: readonly [number, number], memory: PacketMemory): [PacketSocket, PacketSocket] {
  const opened = PacketSocket.open(first, memory);
  try {
    return [opened, PacketSocket.open(second, memory)];
  } catch (error) {
    opened[Symbol.dispose]();
    throw error;
  }
}

function settingsOf({ trace: _file, ...settings }: RelayDirection, trace: Trace | null) {
  return { ...settings, trace };
}
