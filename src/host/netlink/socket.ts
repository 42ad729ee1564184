import { Arena } from '../arena.js';
import {
  AF_NETLINK,
  EAGAIN,
  EINTR,
  ENOBUFS,
  MSG_DONTWAIT,
  MSG_TRUNC,
  SOCK_CLOEXEC,
  SOCK_RAW,
} from '../syscall/constants.js';
import { bind, check, close, errno, getsockname, NULL, recv, sendto, setsockopt, socket } from '../syscall/libc.js';
import { SystemError } from '../syscall/system-error.js';
import { NETLINK_ROUTE } from './rtnetlink.js';

/** The kernel fills at most 32 KB at a time. */
const BUFFER_BYTES = 64 * 1024;
const SOCKADDR_NL_BYTES = 12;
const sockaddrNl = { FAMILY: 0, PORT: 4, GROUPS: 8 } as const;

/** Nothing is there to read. */
export const EMPTY = Symbol('empty');
/** Messages were lost, since the socket's buffer was full. */
export const OVERRUN = Symbol('overrun');

/** A NETLINK_ROUTE socket and the buffer that it sends from and receives into. */
export class NetlinkSocket implements Disposable {
  readonly fd: number;
  /** Names the socket to the kernel; what the socket causes is told to others under this number. */
  readonly port: number;
  private readonly arena = Arena.allocate(BUFFER_BYTES);
  private readonly buffer: Buffer;
  private open = true;

  /** `groups` are multicast groups (RTNLGRP_*, at most 31) to listen to. Throws SystemError. */
  constructor(groups: readonly number[] = []) {
    const { bytes } = this.arena.memory;
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.fd = check(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), 'socket AF_NETLINK');
    try {
      this.port = this.bindTo(groups);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  private bindTo(groups: readonly number[]): number {
    const { buffer, arena, fd } = this;
    const mask = groups.reduce((bits, group) => bits | (1 << (group - 1)), 0);
    buffer.fill(0, 0, SOCKADDR_NL_BYTES);
    buffer.writeUInt16LE(AF_NETLINK, sockaddrNl.FAMILY);
    buffer.writeUInt32LE(mask >>> 0, sockaddrNl.GROUPS);
    check(bind(fd, arena.address, SOCKADDR_NL_BYTES), 'bind AF_NETLINK');
    const length = SOCKADDR_NL_BYTES;
    buffer.writeUInt32LE(SOCKADDR_NL_BYTES, length);
    check(getsockname(fd, arena.address, arena.address + length), 'getsockname AF_NETLINK');
    return buffer.readUInt32LE(sockaddrNl.PORT);
  }

  /** Sets a socket option whose value is an int. Throws SystemError. */
  setOption(level: number, option: number, value: number, name: string): void {
    this.buffer.writeInt32LE(value, 0);
    check(setsockopt(this.fd, level, option, this.arena.address, 4), `setsockopt ${name}`);
  }

  /** Throws SystemError; RangeError when the message does not fit the buffer. */
  send(message: Buffer): void {
    if (message.length > BUFFER_BYTES) throw new RangeError(`netlink message of ${message.length} bytes`);
    message.copy(this.buffer);
    check(sendto(this.fd, this.arena.address, message.length, 0, NULL, 0), 'send AF_NETLINK');
  }

  /** One datagram, a view that is good until the next call; EMPTY only without `wait`. Throws SystemError. */
  receive(wait: boolean): Buffer | typeof EMPTY | typeof OVERRUN {
    for (;;) {
      const received = recv(this.fd, this.arena.address, BUFFER_BYTES, MSG_TRUNC | (wait ? 0 : MSG_DONTWAIT));
      if (received > BUFFER_BYTES) throw new RangeError(`netlink datagram of ${received} bytes`);
      if (received >= 0) return this.buffer.subarray(0, received);
      const reason = errno();
      if (reason === EAGAIN) return EMPTY;
      if (reason === ENOBUFS) return OVERRUN;
      if (reason !== EINTR) throw new SystemError('recv AF_NETLINK', reason);
    }
  }

  [Symbol.dispose](): void {
    if (!this.open) return;
    this.open = false;
    close(this.fd);
    this.arena[Symbol.dispose]();
  }
}
