/** Entry of the relay's forwarding thread: one loop around ppoll, which never returns to JavaScript's own. */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Arena } from '../../src/host/arena.js';
import { monotonicUs } from '../../src/host/clock.js';
import { NetlinkEvents } from '../../src/host/netlink/events.js';
import { Netlink } from '../../src/host/netlink/netlink.js';
import { Poller } from '../../src/host/poller.js';
import { Wake } from '../../src/host/wake.js';
import { Slots } from '../emulation/slots.js';
import { CarrierKeeper } from './carrier-keeper.js';
import { LinkRelay } from './link-relay.js';
import { PacketMemory } from './packet-socket.js';
import { raisePriority } from './priority.js';
import type { ForwarderRequest, ForwarderStart, FromForwarder, RelayReply, ToForwarder } from './protocol.js';

/**
 * For packets on their way, taken from the machine only as they need it: 400 ms of 100 Mbit/s are 5 MB for each direction, more with small
 * packets.
 */
const PACKET_BYTES = 256 << 20;
const BOOKKEEPING_BYTES = 1 << 20;
/** Ethernet header and one VLAN tag. */
const FRAME_HEADER_BYTES = 18;
/** Packets that are due this soon leave with those that are due: a wake-up costs as much. */
const TOGETHER_US = 100;

class Forwarder implements Disposable {
  readonly #arena: Arena;
  readonly #poller: Poller;
  readonly #links: LinkRelay[] = [];
  readonly #netlink = new Netlink();
  readonly #events: NetlinkEvents;
  readonly #keeper: CarrierKeeper;
  readonly #memory: PacketMemory;

  constructor(
    { links }: ForwarderStart,
    private readonly port: MessagePort,
    private readonly wake: Wake,
  ) {
    const slotBytes = Math.ceil((Math.max(...links.map(({ mtu }) => mtu)) + FRAME_HEADER_BYTES) / 64) * 64;
    const slots = new Slots(Math.floor(PACKET_BYTES / slotBytes));
    this.#arena = Arena.allocate(PACKET_BYTES + BOOKKEEPING_BYTES);
    const memory = new PacketMemory(this.#arena, slots, this.#arena.memory.allocate(PACKET_BYTES), slotBytes);
    this.#memory = memory;
    this.#poller = new Poller(this.#arena);
    this.#events = new NetlinkEvents();
    const indexes = new Map(this.#netlink.links().map(({ name, index }) => [name, index]));
    for (const link of links) {
      const [first, second] = link.interfaces.map((name) => indexOf(indexes, name)) as [number, number];
      this.#links.push(new LinkRelay(link, link.traces, [first, second], memory, this.#poller, monotonicUs()));
    }
    this.#keeper = new CarrierKeeper(this.#links, this.#netlink);
    this.#keeper.look();
    for (const { ends } of this.#links) for (const end of ends) this.#poller.add(end);
    this.#poller.add({
      fd: this.#events.fd,
      ready: () => {
        if (this.#events.drain()) this.#keeper.look();
      },
    });
    this.#poller.add({ fd: wake.fd, ready: () => wake.clear() });
  }

  run(): void {
    for (;;) {
      const before = monotonicUs();
      let next = Number.POSITIVE_INFINITY;
      for (const link of this.#links) next = Math.min(next, link.forward(before, before + TOGETHER_US));
      if (this.#poller.wait(next - monotonicUs()) > 0) this.#poller.dispatch(monotonicUs());
      for (;;) {
        const message = receiveMessageOnPort(this.port)?.message as ToForwarder | undefined;
        if (message === undefined) break;
        if ('what' in message) return;
        this.port.postMessage(this.#answer(message.id, message.request));
      }
    }
  }

  #answer(id: number, request: ForwarderRequest): RelayReply {
    try {
      return { id, ...this.#carryOut(request) };
    } catch (error) {
      return { id, error: error instanceof Error ? error.message : String(error) };
    }
  }

  #carryOut(request: ForwarderRequest): Omit<Extract<RelayReply, { counters?: unknown }>, 'id'> {
    const now = monotonicUs();
    switch (request.what) {
      case 'change':
        this.#link(request.link).change(now, request.ends, request.change);
        return {};
      case 'carrier':
        this.#link(request.link).carrier.setCut(!request.up);
        this.#keeper.look();
        return {};
      case 'reset':
        for (const link of this.#links) link.reset(now);
        return { resetUs: now - this.#memory.wallToMonotonicUs() };
      case 'counters':
        return { counters: this.#links.flatMap((link) => link.counters()) };
    }
  }

  #link(name: string): LinkRelay {
    const link = this.#links.find((own) => own.name === name);
    if (link === undefined) throw new RangeError(`no link ${name} goes through this relay`);
    return link;
  }

  [Symbol.dispose](): void {
    for (const link of this.#links) link[Symbol.dispose]();
    this.#events[Symbol.dispose]();
    this.#netlink[Symbol.dispose]();
    this.#arena[Symbol.dispose]();
    this.wake[Symbol.dispose]();
  }
}

function indexOf(indexes: ReadonlyMap<string, number>, name: string): number {
  const index = indexes.get(name);
  if (index === undefined) throw new Error(`the relay's namespace has no interface ${name}`);
  return index;
}

const port = parentPort;
if (port === null) throw new Error('this is the entry of a worker thread');
const start = workerData as ForwarderStart;
const forwarder = new Forwarder(start, port, Wake.attach(start.wakeFd));
try {
  const ready: FromForwarder = { what: 'ready', priority: raisePriority() };
  port.postMessage(ready);
  forwarder.run();
} finally {
  forwarder[Symbol.dispose]();
}
