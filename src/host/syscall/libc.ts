/**
 * System calls through the C library (koffi). Memory is named by address: a Number, exact below 2^53, because koffi's short path takes
 * no pointers. Every function returns what the call returns: -1 means that `errno()` tells why, to be read before any other call.
 * Functions that are not on a packet's way are meant to be wrapped in `check`.
 *
 * koffi keeps no reference to memory that it knows as a Number: the caller does (Arena).
 */
import koffi from 'koffi';
import { SystemError } from './system-error.js';

const library = koffi.load(null);

const c = {
  open: library.func('open', 'int', ['str', 'int', 'int']),
  close: library.func('close', 'int', ['int']),
  read: library.func('read', 'int64_t', ['int', 'int64_t', 'int64_t']),
  write: library.func('write', 'int64_t', ['int', 'int64_t', 'int64_t']),
  writev: library.func('writev', 'int64_t', ['int', 'int64_t', 'int']),
  ioctl: library.func('ioctl', 'int', ['int', 'int64_t', 'int64_t']),
  socket: library.func('socket', 'int', ['int', 'int', 'int']),
  bind: library.func('bind', 'int', ['int', 'int64_t', 'uint32_t']),
  listen: library.func('listen', 'int', ['int', 'int']),
  getsockname: library.func('getsockname', 'int', ['int', 'int64_t', 'int64_t']),
  setsockopt: library.func('setsockopt', 'int', ['int', 'int', 'int', 'int64_t', 'uint32_t']),
  getsockopt: library.func('getsockopt', 'int', ['int', 'int', 'int', 'int64_t', 'int64_t']),
  sendto: library.func('sendto', 'int64_t', ['int', 'int64_t', 'int64_t', 'int', 'int64_t', 'uint32_t']),
  recv: library.func('recv', 'int64_t', ['int', 'int64_t', 'int64_t', 'int']),
  sendmsg: library.func('sendmsg', 'int64_t', ['int', 'int64_t', 'int']),
  sendmmsg: library.func('sendmmsg', 'int', ['int', 'int64_t', 'uint32_t', 'int']),
  recvmsg: library.func('recvmsg', 'int64_t', ['int', 'int64_t', 'int']),
  recvmmsg: library.func('recvmmsg', 'int', ['int', 'int64_t', 'uint32_t', 'int', 'int64_t']),
  ppoll: library.func('ppoll', 'int', ['int64_t', 'int64_t', 'int64_t', 'int64_t']),
  flock: library.func('flock', 'int', ['int', 'int']),
  clockGettime: library.func('clock_gettime', 'int', ['int', 'int64_t']),
  schedSetscheduler: library.func('sched_setscheduler', 'int', ['int', 'int', 'int64_t']),
  prctl: library.func('prctl', 'int', ['int', 'uint64_t', 'uint64_t', 'uint64_t', 'uint64_t']),
  eventfd: library.func('eventfd', 'int', ['uint32_t', 'int']),
};

/** The null pointer, where a call allows it. */
export const NULL = 0;

/** koffi takes NaN, fractions and undefined for addresses without complaint; here they stop. */
function guarded(address: number): number {
  if (address > 0 && Number.isSafeInteger(address)) return address;
  throw new RangeError(`not an address: ${address}`);
}

function guardedOrNull(address: number): number {
  return address === NULL ? NULL : guarded(address);
}

/** Why the last call on this thread failed. Only meaningful directly after a call returned -1. */
export function errno(): number {
  return koffi.errno();
}

/** Passes a result on; throws SystemError for -1. `syscall` says what was tried, for people. */
export function check(result: number, syscall: string): number {
  if (result === -1) throw new SystemError(syscall, koffi.errno());
  return result;
}

export function open(path: string, flags: number, mode = 0): number {
  return c.open(path, flags, mode);
}

export function close(fd: number): number {
  return c.close(fd);
}

export function read(fd: number, address: number, bytes: number): number {
  return c.read(fd, guarded(address), bytes);
}

export function write(fd: number, address: number, bytes: number): number {
  return c.write(fd, guarded(address), bytes);
}

export function writev(fd: number, iovecs: number, count: number): number {
  return c.writev(fd, guarded(iovecs), count);
}

/** ioctl whose argument is a number (TUNSETOFFLOAD). */
export function ioctlValue(fd: number, request: number, value: number): number {
  return c.ioctl(fd, request, value);
}

/** ioctl whose argument is a pointer. */
export function ioctl(fd: number, request: number, address: number): number {
  return c.ioctl(fd, request, guarded(address));
}

export function socket(domain: number, type: number, protocol: number): number {
  return c.socket(domain, type, protocol);
}

export function bind(fd: number, sockaddr: number, bytes: number): number {
  return c.bind(fd, guarded(sockaddr), bytes);
}

export function listen(fd: number, backlog: number): number {
  return c.listen(fd, backlog);
}

/** `length` is the address of a 32-bit in-out length. */
export function getsockname(fd: number, sockaddr: number, length: number): number {
  return c.getsockname(fd, guarded(sockaddr), guarded(length));
}

export function setsockopt(fd: number, level: number, option: number, address: number, bytes: number): number {
  return c.setsockopt(fd, level, option, guarded(address), bytes);
}

/** `length` is the address of a 32-bit in-out length. */
export function getsockopt(fd: number, level: number, option: number, address: number, length: number): number {
  return c.getsockopt(fd, level, option, guarded(address), guarded(length));
}

/** `sockaddr` may be NULL (then `sockaddrBytes` is 0): the connected peer. */
export function sendto(
  fd: number,
  address: number,
  bytes: number,
  flags: number,
  sockaddr: number,
  sockaddrBytes: number,
): number {
  return c.sendto(fd, guarded(address), bytes, flags, guardedOrNull(sockaddr), sockaddrBytes);
}

export function recv(fd: number, address: number, bytes: number, flags: number): number {
  return c.recv(fd, guarded(address), bytes, flags);
}

export function sendmsg(fd: number, msghdr: number, flags: number): number {
  return c.sendmsg(fd, guarded(msghdr), flags);
}

/** How many messages were sent; -1 when the first could not be. */
export function sendmmsg(fd: number, mmsghdrs: number, count: number, flags: number): number {
  return c.sendmmsg(fd, guarded(mmsghdrs), count, flags);
}

export function recvmsg(fd: number, msghdr: number, flags: number): number {
  return c.recvmsg(fd, guarded(msghdr), flags);
}

/** Without time-out: use MSG_DONTWAIT or a nonblocking socket. */
export function recvmmsg(fd: number, mmsghdrs: number, count: number, flags: number): number {
  return c.recvmmsg(fd, guarded(mmsghdrs), count, flags, NULL);
}

/** `timespec` may be NULL: for ever. */
export function ppoll(pollfds: number, count: number, timespec: number): number {
  return c.ppoll(guarded(pollfds), count, guardedOrNull(timespec), NULL);
}

export function flock(fd: number, operation: number): number {
  return c.flock(fd, operation);
}

export function clockGettime(clock: number, timespec: number): number {
  return c.clockGettime(clock, guarded(timespec));
}

/** `thread` 0: the calling one. */
export function schedSetscheduler(thread: number, policy: number, parameters: number): number {
  return c.schedSetscheduler(thread, policy, guarded(parameters));
}

/** prctl with a number for its only argument. */
export function prctl(option: number, value: number): number {
  return c.prctl(option, value, 0, 0, 0);
}

export function eventfd(initial: number, flags: number): number {
  return c.eventfd(initial, flags);
}
