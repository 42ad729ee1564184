import type { Address, Endpoint } from '../../core/io.js';
import type { Arena } from '../arena.js';
import {
  EMSGSIZE,
  IP_RECVERR,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_RECVERR,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  SO_EE_ORIGIN_ICMP,
  SO_EE_ORIGIN_ICMP6,
  SO_ERROR,
  SOL_SOCKET,
} from '../syscall/constants.js';
import { getsockopt, recvmsg } from '../syscall/libc.js';
import { controlSpace, findControl, MSGHDR_BYTES, msghdr } from '../syscall/message-header.js';
import { readSocketAddress, SOCKADDR_BYTES } from '../syscall/socket-address.js';

/** Errors a wake-up; what is left is reported again by poll. */
const BURST = 16;

/** Offsets within struct sock_extended_err (16 bytes); the address of the host that complained follows. */
const extendedError = { errno: 0, originTypeCode: 4, info: 8 } as const;
const EXTENDED_ERROR_BYTES = 16;

/** ICMP destination unreachable. */
const ICMP_UNREACHABLE = 3;
const ICMP6_UNREACHABLE = 1;

export interface ErrorSink {
  /** ICMP says that host or port cannot be reached. */
  unreachable(remote: Endpoint): void;
  /** A datagram was longer than the path's MTU, bytes of IP packet, as an ICMP message or the own interface says (which tells no port). */
  tooLong(remote: Address, mtu: number): void;
}

/** Reads a socket's queue of ICMP errors (IP_RECVERR). */
export class ErrorQueue {
  private readonly header: number;
  private readonly name: number;
  private readonly control: number;
  private readonly controlBytes = controlSpace(EXTENDED_ERROR_BYTES + SOCKADDR_BYTES);
  private readonly option: number;

  constructor(private readonly arena: Arena) {
    const { memory } = arena;
    this.header = memory.allocate(MSGHDR_BYTES);
    this.name = memory.allocate(SOCKADDR_BYTES);
    this.control = memory.allocate(this.controlBytes);
    this.option = memory.allocate(8);
    arena.setPointer(this.header + msghdr.name, this.name);
    arena.setPointer(this.header + msghdr.control, this.control);
  }

  /** Reports what waits in the queue and takes the socket's pending error, so that POLLERR ends. Returns how many were read. */
  drain(fd: number, sink: ErrorSink): number {
    const { u32, address } = this.arena;
    let count = 0;
    for (; count < BURST; count++) {
      u32[(this.header + msghdr.nameBytes) >>> 2] = SOCKADDR_BYTES;
      u32[(this.header + msghdr.controlBytes) >>> 2] = this.controlBytes;
      if (recvmsg(fd, address + this.header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) break;
      this.report(sink);
    }
    u32[this.option >>> 2] = 4;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, address + this.option + 4, address + this.option);
    return count;
  }

  private report(sink: ErrorSink): void {
    const { u32, memory } = this.arena;
    const controlBytes = u32[(this.header + msghdr.controlBytes) >>> 2];
    let at = findControl(u32, this.control, controlBytes, IPPROTO_IP, IP_RECVERR);
    if (at < 0) at = findControl(u32, this.control, controlBytes, IPPROTO_IPV6, IPV6_RECVERR);
    if (at < 0 || u32[(this.header + msghdr.nameBytes) >>> 2] === 0) return;
    const remote = readSocketAddress(memory.bytes, this.name);
    const word = u32[(at + extendedError.originTypeCode) >>> 2];
    const origin = word & 0xff;
    const type = (word >>> 8) & 0xff;
    if (u32[(at + extendedError.errno) >>> 2] === EMSGSIZE) {
      sink.tooLong(remote.address, u32[(at + extendedError.info) >>> 2]);
    } else if (
      (origin === SO_EE_ORIGIN_ICMP && type === ICMP_UNREACHABLE) ||
      (origin === SO_EE_ORIGIN_ICMP6 && type === ICMP6_UNREACHABLE)
    ) {
      sink.unreachable(remote);
    }
  }
}
