import type { LocalAddress } from '../../core/io.js';
import {
  AF_INET6,
  IP_RECVERR,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_RECVERR,
  IPV6_V6ONLY,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_UDP,
  UDP_GRO,
} from '../syscall/constants.js';
import { check, close, socket } from '../syscall/libc.js';
import { family } from '../syscall/socket-address.js';
import { bindTo, enlargeReceiveBuffer, sendFrom, setIntegerOption, tryIntegerOption } from '../syscall/socket-setup.js';

export interface WireSocketOptions {
  readonly local: LocalAddress;
  readonly port: number;
  /** SO_MARK: keeps the wrapper's own packets out of the TUN device. 0 = none. */
  readonly mark: number;
}

/**
 * The wrapper socket of one local address: UDP, bound to address, port and device. Datagrams that are too long are errors, never
 * fragments; ICMP errors are kept for `ErrorQueue`.
 */
export class WireSocket implements Disposable {
  /** The kernel cuts messages into datagrams (UDP_SEGMENT); turned off by WireSender where it cannot. */
  segmentation = true;
  private open = true;

  private constructor(
    readonly fd: number,
    readonly local: LocalAddress,
    /** Datagrams of a train arrive as one message (UDP_GRO). */
    readonly receiveOffload: boolean,
  ) {}

  /** Throws SystemError: EADDRINUSE when another mpipd runs, EADDRNOTAVAIL while an IPv6 address is tentative. */
  static open({ local, port, mark }: WireSocketOptions): WireSocket {
    const domain = family(local.address);
    const fd = check(socket(domain, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'socket');
    try {
      sendFrom(fd, local, mark);
      enlargeReceiveBuffer(fd);
      if (domain === AF_INET6) {
        setIntegerOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1, 'IPV6_V6ONLY');
        setIntegerOption(fd, IPPROTO_IPV6, IPV6_RECVERR, 1, 'IPV6_RECVERR');
      } else {
        setIntegerOption(fd, IPPROTO_IP, IP_RECVERR, 1, 'IP_RECVERR');
      }
      const receiveOffload = tryIntegerOption(fd, SOL_UDP, UDP_GRO, 1);
      bindTo(fd, { address: local.address, port });
      return new WireSocket(fd, local, receiveOffload);
    } catch (error) {
      close(fd);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    if (!this.open) return;
    this.open = false;
    close(this.fd);
  }
}
