/** Options of sockets for which Node has no method. The socket must be open. */
import type { Socket as UdpSocket } from 'node:dgram';
import type { Socket } from 'node:net';
import { Arena } from '../../../../src/host/arena.js';
import {
  IP_MTU_DISCOVER,
  IP_PMTUDISC_PROBE,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_MTU_DISCOVER,
  IPV6_PMTUDISC_PROBE,
} from '../../../../src/host/syscall/constants.js';
import { check, setsockopt } from '../../../../src/host/syscall/libc.js';
import { setIntegerOption } from '../../../../src/host/syscall/socket-setup.js';

const IPV6_DSTOPTS = 59;
/** Next header (the kernel's to fill in), length 0, then 4 bytes of padding (RFC 8200 section 4.2). */
const HEADER = Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0);
const HEADER_AT = 64;

const arena = Arena.allocate(4096);

/** From now on every packet of the socket carries a destination options header (RFC 3542 section 6.3). */
export function addDestinationOptions(socket: Socket | UdpSocket): void {
  arena.memory.bytes.set(HEADER, HEADER_AT);
  const address = arena.address + HEADER_AT;
  check(setsockopt(fdOf(socket), IPPROTO_IPV6, IPV6_DSTOPTS, address, HEADER.length), 'setsockopt IPV6_DSTOPTS');
}

/** The application finds out itself how long datagrams may be, as QUIC does: DF is set, and what the kernel believes does not count. */
export function probeMtu(socket: UdpSocket, isIpv6: boolean): void {
  const fd = fdOf(socket);
  if (isIpv6) setIntegerOption(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE, 'IPV6_MTU_DISCOVER');
  else setIntegerOption(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE, 'IP_MTU_DISCOVER');
}

function fdOf(socket: object): number {
  const state = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'state symbol');
  const holder = state === undefined ? socket : Reflect.get(socket, state);
  const handle = Reflect.get(holder, state === undefined ? '_handle' : 'handle');
  const fd: unknown = Reflect.get(handle, 'fd');
  if (typeof fd !== 'number' || fd < 0) throw new Error('the socket has no descriptor');
  return fd;
}
