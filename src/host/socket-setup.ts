/** What is said to a socket once, before it is used. */
import type { Endpoint } from '../core/io.js';
import { Arena } from './arena.js';
import { SO_BINDTODEVICE, SOL_SOCKET } from './constants.js';
import { bind, check, setsockopt } from './libc.js';
import { writeSocketAddress } from './socket-address.js';

const SCRATCH_BYTES = 64;

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
export function bindToDevice(fd: number, device: string): void {
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
