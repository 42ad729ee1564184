/** Offloads of interfaces: with them a "packet" may be 64 KB long and its checksum unfinished. */
import { Arena } from '../../src/host/arena.js';
import {
  AF_INET,
  ETHTOOL_SGRO,
  ETHTOOL_SGSO,
  ETHTOOL_SSG,
  ETHTOOL_STSO,
  ETHTOOL_STXCSUM,
  SIOCETHTOOL,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
} from '../../src/host/syscall/constants.js';
import { check, close, ioctl, socket } from '../../src/host/syscall/libc.js';

/** As ethtool(8) calls them; without checksums by the device no packet can be built from pieces, or cut by it. */
export const OFFLOADS = ['tx', 'sg', 'tso', 'gso', 'gro'] as const;
const COMMANDS = [ETHTOOL_STXCSUM, ETHTOOL_SSG, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO];

/** struct ifreq: name (16 bytes), pointer; struct ethtool_value: command, value. */
const IFREQ_BYTES = 40;
const IFREQ_DATA = 16;
const NAME_BYTES = 16;

/** Turns the offloads of interfaces off, in the namespace that the caller is in. Throws SystemError. */
export function disableOffloads(interfaces: readonly string[]): void {
  using arena = Arena.allocate(4096);
  const { bytes } = arena.memory;
  const request = arena.memory.allocate(IFREQ_BYTES);
  const value = arena.memory.allocate(8);
  const fd = check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'socket');
  try {
    for (const name of interfaces) {
      bytes.fill(0, request, request + NAME_BYTES);
      new TextEncoder().encodeInto(name, bytes.subarray(request, request + NAME_BYTES - 1));
      arena.setPointer(request + IFREQ_DATA, value);
      for (const command of COMMANDS) {
        arena.u32[value >>> 2] = command;
        arena.u32[(value >>> 2) + 1] = 0;
        check(ioctl(fd, SIOCETHTOOL, arena.address + request), `ethtool -K ${name}`);
      }
    }
  } finally {
    close(fd);
  }
}
