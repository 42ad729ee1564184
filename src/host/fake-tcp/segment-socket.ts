import type { LocalAddress } from '../../core/io.js';
import { Arena } from '../arena.js';
import { attachFilter, listenOn } from '../sniffer/packet-tap.js';
import {
  AF_PACKET,
  ARPHRD_ETHER,
  ARPHRD_LOOPBACK,
  ARPHRD_NONE,
  ARPHRD_PPP,
  IPPROTO_RAW,
  PACKET_IGNORE_OUTGOING,
  PACKET_VNET_HDR,
  SIOCGIFHWADDR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_PACKET,
} from '../syscall/constants.js';
import { check, close, ioctl, socket } from '../syscall/libc.js';
import { family } from '../syscall/socket-address.js';
import { bindTo, enlargeReceiveBuffer, sendFrom, setIntegerOption, tryIntegerOption } from '../syscall/socket-setup.js';
import { SystemError } from '../syscall/system-error.js';
import { HeldPort } from './held-port.js';
import { segmentFilter } from './segment-filter.js';

/** Ports that one address holds besides the wrapper's: a filter's jumps reach no further. */
const MAX_RESERVED = 200;
const ETHERNET_BYTES = 14;
/** struct ifreq: the interface's name, then a socket address. */
const IFREQ_BYTES = 40;
const IFREQ_ADDRESS = 16;

export interface SegmentSocketOptions {
  readonly local: LocalAddress;
  readonly port: number;
  /** SO_MARK: keeps the segments out of the TUN device. 0 = none. */
  readonly mark: number;
}

/** The interface has a link header that nobody here knows. */
export class LinkTypeError extends Error {
  override readonly name = 'LinkTypeError';
  readonly code = 'E_LINK_TYPE';

  constructor(
    readonly device: string,
    readonly type: number,
  ) {
    super(`${device} is of ARP hardware type ${type}, which TCP segments are not read from`);
  }
}

/**
 * The fake TCP connections of one local address: a packet socket that sees the segments to the wrapper's port and to those reserved, before
 * netfilter and without being in the kernel's way; a raw socket that sends; and the ports, on which the kernel is kept silent.
 */
export class SegmentSocket implements Disposable {
  private readonly scratch = Arena.allocate(4096);
  private readonly reserved = new Map<number, HeldPort>();
  private open = true;

  private constructor(
    readonly local: LocalAddress,
    /** Receives: frames with a virtio_net_hdr in front. */
    readonly fd: number,
    /** Sends IP packets. */
    readonly rawFd: number,
    /** Of the interface's frames. */
    readonly linkBytes: number,
    private readonly main: HeldPort,
  ) {}

  /** Throws SystemError (EADDRINUSE when a program has the port), LinkTypeError. */
  static open({ local, port, mark }: SegmentSocketOptions): SegmentSocket {
    const main = HeldPort.open(local.address, port);
    const fds: number[] = [];
    try {
      // Protocol 0: nothing arrives before the filter is there.
      const fd = check(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'socket AF_PACKET');
      fds.push(fd);
      const linkBytes = linkHeaderBytes(fd, local.interface);
      setIntegerOption(fd, SOL_PACKET, PACKET_VNET_HDR, 1, 'PACKET_VNET_HDR');
      tryIntegerOption(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
      enlargeReceiveBuffer(fd);
      const rawFd = openRaw(local, mark);
      fds.push(rawFd);
      const own = new SegmentSocket(local, fd, rawFd, linkBytes, main);
      own.refreshFilter();
      listenOn(fd, local.interfaceIndex, own.scratch);
      return own;
    } catch (error) {
      for (const fd of fds) close(fd);
      main[Symbol.dispose]();
      throw error;
    }
  }

  /** A free port, held until `release`; 0 = there is none. */
  reserve(): number {
    if (this.reserved.size === MAX_RESERVED) return 0;
    let held: HeldPort;
    try {
      held = HeldPort.open(this.local.address, 0);
    } catch (error) {
      if (error instanceof SystemError) return 0;
      throw error;
    }
    this.reserved.set(held.port, held);
    this.refreshFilter();
    return held.port;
  }

  release(port: number): void {
    const held = this.reserved.get(port);
    if (held === undefined) return;
    this.reserved.delete(port);
    held[Symbol.dispose]();
    this.refreshFilter();
  }

  private refreshFilter(): void {
    const ports = [this.main.port, ...this.reserved.keys()];
    attachFilter(this.fd, this.scratch, segmentFilter(this.local.address, ports));
  }

  [Symbol.dispose](): void {
    if (!this.open) return;
    this.open = false;
    close(this.fd);
    close(this.rawFd);
    this.main[Symbol.dispose]();
    for (const held of this.reserved.values()) held[Symbol.dispose]();
    this.scratch[Symbol.dispose]();
  }
}

/** Throws SystemError. */
function openRaw(local: LocalAddress, mark: number): number {
  const type = SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const fd = check(socket(family(local.address), type, IPPROTO_RAW), 'socket IPPROTO_RAW');
  try {
    sendFrom(fd, local, mark);
    bindTo(fd, { address: local.address, port: 0 });
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** Throws SystemError, LinkTypeError. */
function linkHeaderBytes(fd: number, device: string): number {
  using request = Arena.allocate(IFREQ_BYTES);
  new TextEncoder().encodeInto(device, request.memory.bytes);
  check(ioctl(fd, SIOCGIFHWADDR, request.address), `ioctl SIOCGIFHWADDR ${device}`);
  // The family of the hardware address.
  const type = request.u32[IFREQ_ADDRESS >>> 2] & 0xffff;
  if (type === ARPHRD_ETHER || type === ARPHRD_LOOPBACK) return ETHERNET_BYTES;
  if (type === ARPHRD_NONE || type === ARPHRD_PPP) return 0;
  throw new LinkTypeError(device, type);
}
