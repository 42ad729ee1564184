import type { LocalAddress } from '../../core/io.js';
import type { Node } from '../../core/node.js';
import { monotonicUs } from '../../host/clock.js';
import type { IoCounters } from '../../host/io-counters.js';
import type { NetlinkEvents } from '../../host/netlink/events.js';
import type { Netlink } from '../../host/netlink/netlink.js';
import type { Poller } from '../../host/poller.js';
import type { InboundSniffer } from '../../host/sniffer/inbound.js';
import type { Sniffer } from '../../host/sniffer/sniffer.js';
import { SteeringError } from '../../host/steering/error.js';
import type { Steering } from '../../host/steering/steering.js';
import type { Tun } from '../../host/tun.js';
import type { Wake } from '../../host/wake.js';
import type { WriteLog } from './linux-io.js';
import { interfaceNames, type LocalAddressBook } from './local-addresses.js';
import type { FromWorker, Request } from './protocol.js';
import type { SegmentSockets } from './segment-sockets.js';
import type { SteeredDestinations } from './steered-destinations.js';
import type { TunLink } from './tun-link.js';
import type { WireSockets } from './wire-sockets.js';

/** Super-packets read in one go, before the wrapper sockets get their turn. */
const TUN_BURST = 8;
/** Until an address that got no socket is tried again, us. */
const SOCKET_RETRY_US = 1_000_000;

/** The main thread as the loop sees it. */
export interface Controller {
  readonly wake: Wake;
  /** The next message, undefined when none waits. */
  receive(): Request | undefined;
  send(message: FromWorker): void;
}

/** What the loop serves. All of it belongs to the caller. */
export interface LoopParts {
  readonly node: Node;
  readonly poller: Poller;
  readonly tun: Tun;
  readonly tunLink: TunLink;
  /** Memory for one packet read from the TUN device. */
  readonly tunBuffer: { readonly offset: number; readonly bytes: number };
  readonly sockets: WireSockets;
  /** undefined = UDP alone. */
  readonly segmentSockets: SegmentSockets | undefined;
  readonly sniffer: Sniffer;
  readonly inbound: InboundSniffer;
  readonly netlink: Netlink;
  readonly networkEvents: NetlinkEvents;
  readonly addressBook: LocalAddressBook;
  readonly steering: Steering;
  readonly steered: SteeredDestinations;
  readonly counters: IoCounters;
  readonly controller: Controller;
  readonly log: WriteLog;
}

/**
 * The data path's event loop. A wake-up: wait, take the time once, serve what is ready, then changes of the network, timers, and what the
 * core has gathered.
 */
export class Loop {
  private networkChanged = true;
  /** When addresses without a socket are tried again, us. */
  private retryAt = Number.POSITIVE_INFINITY;
  private asked = true;
  private stopping = false;

  constructor(private readonly parts: LoopParts) {
    const { node, poller, tun, sniffer, inbound, networkEvents, controller } = parts;
    // Each takes the time for itself: what is served before may have taken long, and time must not go back for the node.
    poller.add({ fd: tun.fd, ready: () => this.readTun(monotonicUs()) });
    poller.add({
      fd: sniffer.fd,
      ready: () => {
        const now = monotonicUs();
        sniffer.drain((destination) => node.destinationSeen(destination, now), now / 1000);
      },
    });
    poller.add({
      fd: inbound.fd,
      ready: () => {
        const now = monotonicUs();
        inbound.drain((offset, bytes) => node.fromNative(offset, bytes, now));
      },
    });
    poller.add({
      fd: networkEvents.fd,
      ready: () => {
        this.networkChanged = networkEvents.drain() || this.networkChanged;
      },
    });
    poller.add({
      fd: controller.wake.fd,
      ready: () => {
        controller.wake.clear();
        this.asked = true;
      },
    });
  }

  /** Blocks the thread until the main thread says stop; the peers have been told so when it returns. */
  run(): void {
    const { node, poller } = this.parts;
    while (!this.stopping) {
      const now = monotonicUs();
      if (this.networkChanged || now >= this.retryAt) this.adaptToNetwork(now);
      if (now >= node.nextTimeout()) node.onTimeout(now);
      node.flush(now);
      if (this.asked) this.answer(now);
      if (this.stopping) break;
      poller.wait(Math.min(node.nextTimeout(), this.retryAt) - monotonicUs());
      poller.dispatch(monotonicUs());
    }
    const now = monotonicUs();
    node.close(now);
    node.flush(now);
  }

  private readTun(now: number): void {
    const { node, tun, tunBuffer } = this.parts;
    for (let i = 0; i < TUN_BURST; i++) {
      const bytes = tun.read(tunBuffer.offset, tunBuffer.bytes);
      if (bytes < 0) return;
      node.fromTun(tunBuffer.offset, bytes, now);
    }
  }

  /** Links, addresses, routes or rules are not what they were. */
  private adaptToNetwork(now: number): void {
    const { addressBook, netlink, node, segmentSockets, sockets, steered, tunLink } = this.parts;
    this.networkChanged = false;
    const locals = addressBook.update(netlink.links(), netlink.addresses());
    tunLink.carry(locals.map(({ mtu }) => mtu));
    this.loosenReversePath(locals);
    const usable = sockets.update(locals);
    this.retryAt = sockets.isComplete ? Number.POSITIVE_INFINITY : now + SOCKET_RETRY_US;
    segmentSockets?.update(usable);
    node.setLocalAddresses(usable, now);
    steered.refresh();
  }

  private loosenReversePath(locals: readonly LocalAddress[]): void {
    try {
      this.parts.steering.watchInterfaces(interfaceNames(locals));
    } catch (error) {
      if (!(error instanceof SteeringError)) throw error;
      const { code, message: reason } = error;
      this.parts.log('warn', 'reverse-path filter could not be changed', { code, reason });
    }
  }

  private answer(now: number): void {
    const { controller, counters, node } = this.parts;
    this.asked = false;
    for (let message = controller.receive(); message !== undefined; message = controller.receive()) {
      switch (message.what) {
        case 'stop':
          this.stopping = true;
          break;
        case 'status':
          controller.send({ what: 'status', id: message.id, status: { ...node.status(now), io: { ...counters } } });
          break;
        case 'rules':
          node.setRules(message.rules, now);
          // Packets that need not wait any more.
          node.flush(now);
          controller.send({ what: 'rules-set', id: message.id });
          break;
      }
    }
  }
}
