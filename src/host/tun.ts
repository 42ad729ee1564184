import type { GatherBatch } from '../core/batch.js';
import { VNET_BYTES } from '../core/wire/vnet.js';
import type { Arena } from './arena.js';
import type { IoCounters } from './io-counters.js';
import {
  EAGAIN,
  EINVAL,
  IFF_NO_PI,
  IFF_TUN,
  IFF_VNET_HDR,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDWR,
  TUN_F_CSUM,
  TUN_F_TSO4,
  TUN_F_TSO6,
  TUN_F_USO4,
  TUN_F_USO6,
  TUNSETIFF,
  TUNSETOFFLOAD,
  TUNSETVNETHDRSZ,
} from './syscall/constants.js';
import { IoVectors } from './syscall/iovec.js';
import { check, close, errno, ioctl, ioctlValue, open, read, writev } from './syscall/libc.js';
import { SystemError } from './syscall/system-error.js';

const DEVICE = '/dev/net/tun';
const NAME_BYTES = 16;
const IFREQ_BYTES = 40;

const CSUM = TUN_F_CSUM;
const TSO = TUN_F_TSO4 | TUN_F_TSO6;
const USO = TUN_F_USO4 | TUN_F_USO6;

/** Trains that the kernel hands over uncut: TCP (TSO), UDP (USO). Kernels before Linux 6.2 have no USO and do not take UDP trains either. */
export interface TunOffloads {
  readonly tso: boolean;
  readonly uso: boolean;
}

/**
 * A TUN device. Every packet has a virtio_net_hdr of 12 bytes in front; with offloads a TCP or UDP train of up to 64 KB is one packet.
 * The device and everything that points to it vanish with its descriptor.
 */
export class Tun implements Disposable {
  private readonly vectors: IoVectors;
  private isOpen = true;

  private constructor(
    readonly fd: number,
    readonly name: string,
    readonly offloads: TunOffloads,
    private readonly arena: Arena,
    private readonly counters: IoCounters,
  ) {
    this.vectors = new IoVectors(arena);
  }

  /** Makes the device `name` (at most 15 bytes; "%d" is a free number); it is down. Throws SystemError: EBUSY when somebody else has it open. */
  static open(name: string, arena: Arena, counters: IoCounters): Tun {
    const fd = check(open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC), `open ${DEVICE}`);
    try {
      const { bytes } = arena.memory;
      const request = arena.memory.allocate(IFREQ_BYTES);
      new TextEncoder().encodeInto(name, bytes.subarray(request, request + NAME_BYTES - 1));
      arena.u32[(request + NAME_BYTES) >>> 2] = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
      check(ioctl(fd, TUNSETIFF, arena.address + request), `ioctl TUNSETIFF ${name}`);
      const actualName = new TextDecoder().decode(bytes.slice(request, bytes.indexOf(0, request)));
      arena.i32[request >>> 2] = VNET_BYTES;
      check(ioctl(fd, TUNSETVNETHDRSZ, arena.address + request), 'ioctl TUNSETVNETHDRSZ');
      return new Tun(fd, actualName, setOffloads(fd), arena, counters);
    } catch (error) {
      close(fd);
      throw error;
    }
  }

  /** Reads one packet into memory at `offset`. Returns its bytes with the vnet header, or -1 when none waits. Throws when the device is gone. */
  read(offset: number, maxBytes: number): number {
    const bytes = read(this.fd, this.arena.address + offset, maxBytes);
    if (bytes < 0) {
      const error = errno();
      if (error === EAGAIN) return -1;
      throw new SystemError(`read ${this.name}`, error);
    }
    this.counters.tunReadPackets++;
    this.counters.tunReadBytes += bytes;
    return bytes;
  }

  /** Writes and clears the batch. Packets that the kernel refuses are dropped and counted. */
  write(batch: GatherBatch): void {
    for (let message = 0; message < batch.messages; message++) {
      const bytes = this.vectors.gather(batch, message);
      const pieces = batch.firstPiece[message + 1] - batch.firstPiece[message];
      if (writev(this.fd, this.vectors.address, pieces) < 0) {
        this.counters.tunWriteErrors++;
      } else {
        this.counters.tunWrittenPackets++;
        this.counters.tunWrittenBytes += bytes;
      }
    }
    batch.clear();
  }

  [Symbol.dispose](): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    close(this.fd);
  }
}

/** As many as the kernel knows. */
function setOffloads(fd: number): TunOffloads {
  for (const [flags, offloads] of [
    [CSUM | TSO | USO, { tso: true, uso: true }],
    [CSUM | TSO, { tso: true, uso: false }],
  ] as const) {
    if (ioctlValue(fd, TUNSETOFFLOAD, flags) === 0) return offloads;
    const error = errno();
    if (error !== EINVAL) throw new SystemError('ioctl TUNSETOFFLOAD', error);
  }
  check(ioctlValue(fd, TUNSETOFFLOAD, 0), 'ioctl TUNSETOFFLOAD');
  return { tso: false, uso: false };
}
