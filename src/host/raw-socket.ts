import { field as ipv4 } from '../core/wire/ipv4.js';
import { field as ipv6 } from '../core/wire/ipv6.js';
import type { Arena } from './arena.js';
import type { IoCounters } from './io-counters.js';
import {
  AF_INET,
  AF_INET6,
  EINVAL,
  IP_PKTINFO,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_RAW,
  IPV6_PKTINFO,
  MSG_DONTWAIT,
  SO_MARK,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
} from './syscall/constants.js';
import { IoVectors } from './syscall/iovec.js';
import { check, close, errno, sendmsg, socket } from './syscall/libc.js';
import { cmsghdr, controlSpace, MSGHDR_BYTES, msghdr, writeControlHeader } from './syscall/message-header.js';
import { SOCKADDR_BYTES } from './syscall/socket-address.js';
import { setIntegerOption } from './syscall/socket-setup.js';

const MESSAGE_BYTES = MSGHDR_BYTES + 8;
/** struct in_pktinfo: interface, source (spec_dst), destination. struct in6_pktinfo: source, interface. */
const PKTINFO_BYTES = 12;
const PKTINFO_SOURCE = 4;
const PKTINFO6_BYTES = 20;

/**
 * Puts complete IP packets on the kernel's normal route (IPPROTO_RAW: the header is the caller's). The route is chosen with the packet's
 * own source address, so that source routing (`ip rule from`) takes the same interface as for a socket bound to it.
 */
export class RawSocket implements Disposable {
  private readonly header: number;
  private readonly name: number;
  private readonly control: number;
  private readonly vectors: IoVectors;
  private isOpen = true;

  private constructor(
    private readonly ipv4Fd: number,
    /** -1 where the kernel has no IPv6. */
    private readonly ipv6Fd: number,
    private readonly arena: Arena,
    private readonly counters: IoCounters,
  ) {
    const { memory } = arena;
    this.header = memory.allocate(MESSAGE_BYTES);
    this.name = memory.allocate(SOCKADDR_BYTES);
    this.control = memory.allocate(controlSpace(PKTINFO6_BYTES));
    this.vectors = new IoVectors(arena, 1);
    arena.setPointer(this.header + msghdr.name, this.name);
    arena.setPointer(this.header + msghdr.vectors, this.vectors.offset);
    arena.u32[(this.header + msghdr.vectorCount) >>> 2] = 1;
    arena.setPointer(this.header + msghdr.control, this.control);
  }

  /** `mark`: SO_MARK, 0 = none. Throws SystemError. */
  static open(mark: number, arena: Arena, counters: IoCounters): RawSocket {
    const type = SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const ipv4Fd = check(socket(AF_INET, type, IPPROTO_RAW), 'socket IPPROTO_RAW');
    const ipv6Fd = socket(AF_INET6, type, IPPROTO_RAW);
    const raw = new RawSocket(ipv4Fd, ipv6Fd, arena, counters);
    try {
      for (const fd of [ipv4Fd, ipv6Fd]) {
        if (mark !== 0 && fd !== -1) setIntegerOption(fd, SOL_SOCKET, SO_MARK, mark, 'SO_MARK');
      }
      return raw;
    } catch (error) {
      raw[Symbol.dispose]();
      throw error;
    }
  }

  /** Sends one packet, its checksums right. What cannot be sent is dropped and counted. */
  send(offset: number, bytes: number): void {
    const isIpv6 = this.arena.memory.bytes[offset] >>> 4 === 6;
    const fd = isIpv6 ? this.ipv6Fd : this.ipv4Fd;
    if (isIpv6) this.addressIpv6(offset);
    else this.addressIpv4(offset);
    this.vectors.set(0, offset, bytes);
    if (fd !== -1 && this.sendPrepared(fd)) {
      this.counters.nativeSentPackets++;
    } else {
      this.counters.nativeSendErrors++;
    }
  }

  private sendPrepared(fd: number): boolean {
    const header = this.arena.address + this.header;
    if (sendmsg(fd, header, MSG_DONTWAIT) >= 0) return true;
    if (errno() !== EINVAL) return false;
    // The source is no address of this host (any more): routed by destination alone.
    this.arena.u32[(this.header + msghdr.controlBytes) >>> 2] = 0;
    return sendmsg(fd, header, MSG_DONTWAIT) >= 0;
  }

  private addressIpv4(packet: number): void {
    const { bytes: b } = this.arena.memory;
    const { u32 } = this.arena;
    b.fill(0, this.name, this.name + SOCKADDR_BYTES);
    b[this.name] = AF_INET;
    b.copyWithin(this.name + 4, packet + ipv4.destination, packet + ipv4.destination + 4);
    u32[(this.header + msghdr.nameBytes) >>> 2] = 16;
    const data = this.control + cmsghdr.data;
    b.fill(0, data, data + PKTINFO_BYTES);
    b.copyWithin(data + PKTINFO_SOURCE, packet + ipv4.source, packet + ipv4.source + 4);
    writeControlHeader(u32, this.control, IPPROTO_IP, IP_PKTINFO, PKTINFO_BYTES);
    u32[(this.header + msghdr.controlBytes) >>> 2] = controlSpace(PKTINFO_BYTES);
  }

  private addressIpv6(packet: number): void {
    const { bytes: b } = this.arena.memory;
    const { u32 } = this.arena;
    b.fill(0, this.name, this.name + SOCKADDR_BYTES);
    b[this.name] = AF_INET6;
    b.copyWithin(this.name + 8, packet + ipv6.destination, packet + ipv6.destination + 16);
    u32[(this.header + msghdr.nameBytes) >>> 2] = 28;
    const data = this.control + cmsghdr.data;
    b.fill(0, data, data + PKTINFO6_BYTES);
    b.copyWithin(data, packet + ipv6.source, packet + ipv6.source + 16);
    writeControlHeader(u32, this.control, IPPROTO_IPV6, IPV6_PKTINFO, PKTINFO6_BYTES);
    u32[(this.header + msghdr.controlBytes) >>> 2] = controlSpace(PKTINFO6_BYTES);
  }

  [Symbol.dispose](): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    close(this.ipv4Fd);
    if (this.ipv6Fd !== -1) close(this.ipv6Fd);
  }
}
