import { formatAddress, isRouted } from '../../core/address.js';
import type { Address } from '../../core/io.js';
import { Arena } from '../arena.js';
import { AF_PACKET, SOCK_CLOEXEC, SOCK_DGRAM } from '../syscall/constants.js';
import { check, close, socket } from '../syscall/libc.js';
import { attachFilter, listenEverywhere, nextPacket } from './packet-tap.js';
import { RecentAddresses } from './recent-addresses.js';
import { SNAP_BYTES, sessionFilter } from './session-filter.js';

const RECENT_CAPACITY = 1024;
const RECENT_HOLD_MS = 1000;
/** Packets read in one go, so that other descriptors of the loop get their turn. */
const BATCH = 256;

const ipv4 = { BYTES: 20, DESTINATION: 16 } as const;
const ipv6 = { BYTES: 40, DESTINATION: 24 } as const;

export interface SnifferOptions {
  /** UDP port of the wrapper: its packets are not seen. */
  readonly port: number;
  /** Interfaces that are not listened to: loopback and the TUN device. */
  readonly except: readonly number[];
}

/**
 * Sees where this host opens sessions to, by its own TCP SYNs and a share of its UDP packets as they leave (after netfilter, on any interface).
 * The kernel filters, so that all other traffic costs no wake-up.
 */
export class Sniffer implements Disposable {
  /** Readable when packets wait: for poll. */
  readonly fd: number;
  private readonly arena = Arena.allocate(4096);
  private readonly recent = new RecentAddresses(RECENT_CAPACITY, RECENT_HOLD_MS);
  private open = true;

  /** Throws SystemError (EPERM without CAP_NET_RAW). */
  constructor(options: SnifferOptions) {
    // Protocol 0: nothing arrives before the filter is there.
    this.fd = check(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'socket AF_PACKET');
    try {
      attachFilter(this.fd, this.arena, sessionFilter(options.port, options.except));
      listenEverywhere(this.fd, this.arena);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Reports the destinations of the packets that wait, each at most once a second; those that no other host can have (multicast, broadcast,
   * loopback, link-local) are left out. `now` in ms of a monotonic clock. Throws SystemError.
   */
  drain(report: (address: Address) => void, now = performance.now()): void {
    const { bytes } = this.arena.memory;
    for (let i = 0; i < BATCH; i++) {
      const length = nextPacket(this.fd, this.arena.address, SNAP_BYTES);
      if (length < 0) return;
      const destination = destinationOf(bytes, length);
      if (destination !== undefined && this.recent.isNew(destination, now)) report(destination);
    }
  }

  [Symbol.dispose](): void {
    if (!this.open) return;
    this.open = false;
    close(this.fd);
    this.arena[Symbol.dispose]();
  }
}

/** Where an IP packet goes, if to one host that is not this one or a neighbour without a routed address. */
function destinationOf(packet: Uint8Array, length: number): Address | undefined {
  const version = packet[0] >> 4;
  if (version === 4 && length >= ipv4.BYTES) {
    return isRouted(packet, ipv4.DESTINATION, 4) ? formatAddress(packet, ipv4.DESTINATION, 4) : undefined;
  }
  if (version === 6 && length >= ipv6.BYTES) {
    return isRouted(packet, ipv6.DESTINATION, 16) ? formatAddress(packet, ipv6.DESTINATION, 16) : undefined;
  }
  return undefined;
}
