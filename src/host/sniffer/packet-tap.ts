/** What packet sockets (packet(7)) that listen need. */
import type { Arena } from '../arena.js';
import {
  AF_PACKET,
  EAGAIN,
  EINTR,
  ENETDOWN,
  ENOBUFS,
  ETH_P_ALL,
  MSG_DONTWAIT,
  SO_ATTACH_FILTER,
  SOL_SOCKET,
} from '../syscall/constants.js';
import { bind, check, errno, recv, setsockopt } from '../syscall/libc.js';
import { SystemError } from '../syscall/system-error.js';

const SOCKADDR_LL_BYTES = 20;
const sockaddrLl = { FAMILY: 0, PROTOCOL: 2, INTERFACE: 4 } as const;
const SOCK_FPROG_BYTES = 16;
const BPF_INSTRUCTION_BYTES = 8;

/** From now on the socket takes what the program passes. The start of `scratch` is written over. Throws SystemError. */
export function attachFilter(fd: number, scratch: Arena, program: Buffer): void {
  const { bytes } = scratch.memory;
  // struct sock_fprog: 16 bits of length, padding, a pointer.
  const start = SOCK_FPROG_BYTES;
  bytes.fill(0, 0, SOCK_FPROG_BYTES);
  bytes.set(program, start);
  scratch.u32[0] = program.length / BPF_INSTRUCTION_BYTES;
  scratch.setPointer(8, start);
  check(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, scratch.address, SOCK_FPROG_BYTES), 'setsockopt SO_ATTACH_FILTER');
}

/** Packets of all protocols and interfaces, present and future. The start of `scratch` is written over. Throws SystemError. */
export function listenEverywhere(fd: number, scratch: Arena): void {
  listenOn(fd, 0, scratch);
}

/** Packets of all protocols on one interface. The start of `scratch` is written over. Throws SystemError. */
export function listenOn(fd: number, interfaceIndex: number, scratch: Arena): void {
  const { bytes } = scratch.memory;
  const address = Buffer.from(bytes.buffer, bytes.byteOffset, SOCKADDR_LL_BYTES).fill(0);
  address.writeUInt16LE(AF_PACKET, sockaddrLl.FAMILY);
  address.writeUInt16BE(ETH_P_ALL, sockaddrLl.PROTOCOL);
  address.writeInt32LE(interfaceIndex, sockaddrLl.INTERFACE);
  check(bind(fd, scratch.address, SOCKADDR_LL_BYTES), 'bind AF_PACKET');
}

/** Reads the next packet to `address`, at most `bytes` of it. Returns the bytes read, -1 when none waits. Throws SystemError. */
export function nextPacket(fd: number, address: number, bytes: number): number {
  for (;;) {
    const length = recv(fd, address, bytes, MSG_DONTWAIT);
    if (length >= 0) return length;
    const reason = errno();
    if (reason === EAGAIN) return -1;
    // An interface went down, or packets were lost: later ones tell as much.
    if (reason !== EINTR && reason !== ENETDOWN && reason !== ENOBUFS) throw new SystemError('recv AF_PACKET', reason);
  }
}
