import type { Socket as UdpSocket } from 'node:dgram';
import type { Socket } from 'node:net';
import { Arena } from '../../../../src/host/arena.js';
import { IPPROTO_IPV6 } from '../../../../src/host/constants.js';
import { check, setsockopt } from '../../../../src/host/libc.js';

const IPV6_DSTOPTS = 59;
/** Next header (the kernel's to fill in), length 0, then 4 bytes of padding (RFC 8200 section 4.2). */
const HEADER = Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0);

const arena = Arena.allocate(4096);

/** From now on every packet of the socket carries a destination options header (RFC 3542 section 6.3). The socket must be open. */
export function addDestinationOptions(socket: Socket | UdpSocket): void {
  arena.memory.bytes.set(HEADER, 64);
  check(setsockopt(fdOf(socket), IPPROTO_IPV6, IPV6_DSTOPTS, arena.address + 64, HEADER.length), 'IPV6_DSTOPTS');
}

/** Node gives no other way to a socket's options. */
function fdOf(socket: object): number {
  const state = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'state symbol');
  const holder = state === undefined ? socket : Reflect.get(socket, state);
  const handle = Reflect.get(holder, state === undefined ? '_handle' : 'handle');
  const fd: unknown = Reflect.get(handle, 'fd');
  if (typeof fd !== 'number' || fd < 0) throw new Error('the socket has no descriptor');
  return fd;
}
