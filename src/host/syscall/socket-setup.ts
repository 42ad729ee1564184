/** What is said to a socket once, before it is used. */
import type { Endpoint, LocalAddress } from '../../core/io.js';
import { Arena } from '../arena.js';
import {
  AF_INET6,
  IP_MTU_DISCOVER,
  IP_PMTUDISC_PROBE,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_MTU_DISCOVER,
  IPV6_PMTUDISC_PROBE,
  SO_BINDTODEVICE,
  SO_MARK,
  SO_RCVBUFFORCE,
  SO_SNDBUFFORCE,
  SOL_SOCKET,
} from './constants.js';
import { bind, check, setsockopt } from './libc.js';
import { family, writeSocketAddress } from './socket-address.js';

const SCRATCH_BYTES = 64;
/** Bytes of each kernel buffer of a path's sockets: 6 ms of 10 Gbit/s. */
const BUFFER_BYTES = 8 * 1024 * 1024;

const scratch = Arena.allocate(SCRATCH_BYTES);

/** Throws SystemError; `name` is for its message. */
export function setIntegerOption(fd: number, level: number, option: number, value: number, name: string): void {
  scratch.i32[0] = value;
  check(setsockopt(fd, level, option, scratch.address, 4), `setsockopt ${name}`);
}

/** Whether it was set. */
export function tryIntegerOption(fd: number, level: number, option: number, value: number): boolean {
  scratch.i32[0] = value;
  return setsockopt(fd, level, option, scratch.address, 4) === 0;
}

/** Packets leave by this interface and are received from it only. Throws SystemError. */
function bindToDevice(fd: number, device: string): void {
  const { bytes } = scratch.memory;
  bytes.fill(0);
  const { written } = new TextEncoder().encodeInto(device, bytes);
  check(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, scratch.address, written), `setsockopt SO_BINDTODEVICE ${device}`);
}

/** Throws SystemError. */
export function bindTo(fd: number, endpoint: Endpoint): void {
  const bytes = writeSocketAddress(scratch.memory.bytes, 0, endpoint);
  check(bind(fd, scratch.address, bytes), `bind ${endpoint.address} port ${endpoint.port}`);
}

/**
 * For a socket that sends from a local address: by its interface alone, with a mark (SO_MARK, 0 = none), and never in fragments. A packet
 * longer than the interface's MTU is an error (EMSGSIZE), whatever the kernel thinks of the path's. Throws SystemError.
 */
export function sendFrom(fd: number, local: LocalAddress, mark: number): void {
  bindToDevice(fd, local.interface);
  if (mark !== 0) setIntegerOption(fd, SOL_SOCKET, SO_MARK, mark, 'SO_MARK');
  setIntegerOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES, 'SO_SNDBUFFORCE');
  if (family(local.address) === AF_INET6) {
    setIntegerOption(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE, 'IPV6_MTU_DISCOVER');
  } else {
    setIntegerOption(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE, 'IP_MTU_DISCOVER');
  }
}

/** Room for what arrives while the loop does something else. Throws SystemError. */
export function enlargeReceiveBuffer(fd: number): void {
  setIntegerOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES, 'SO_RCVBUFFORCE');
}
