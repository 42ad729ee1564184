/**
 * Puts every packet of a TUN device back on the normal route, as mpipd does with what is no MPIP session, and counts what it sees. One
 * packet a read, no offloads.
 */
import { read, writeSync } from 'node:fs';
import { Arena } from '../../../src/host/arena.js';
import {
  AF_INET,
  AF_INET6,
  IFF_NO_PI,
  IFF_TUN,
  IPPROTO_RAW,
  O_RDWR,
  SO_MARK,
  SOCK_RAW,
  SOL_SOCKET,
  TUNSETIFF,
} from '../../../src/host/syscall/constants.js';
import { check, close, ioctl, open, sendto, setsockopt, socket } from '../../../src/host/syscall/libc.js';

export interface RelayCounts {
  packets: number;
  /** IPv4 packets that must not be fragmented. */
  dontFragment: number;
  fragments: number;
  longest: number;
  sendErrors: number;
}

const PACKET_BYTES = 65536;
const BEFORE_PACKET = 4096;

export class NativeRelay implements Disposable {
  readonly counts: RelayCounts = { packets: 0, dontFragment: 0, fragments: 0, longest: 0, sendErrors: 0 };
  private readonly arena = Arena.allocate(BEFORE_PACKET + PACKET_BYTES);
  private readonly tun: number;
  private readonly ipv4: number;
  private readonly ipv6: number;
  private open = true;

  /** To be made inside the namespace. The device must exist. */
  constructor(name: string, mark: number) {
    const { bytes } = this.arena.memory;
    const { address, u32 } = this.arena;
    this.tun = check(open('/dev/net/tun', O_RDWR), 'open /dev/net/tun');
    new TextEncoder().encodeInto(name, bytes);
    u32[4] = IFF_TUN | IFF_NO_PI;
    check(ioctl(this.tun, TUNSETIFF, address), 'TUNSETIFF');
    this.ipv4 = check(socket(AF_INET, SOCK_RAW, IPPROTO_RAW), 'socket');
    this.ipv6 = check(socket(AF_INET6, SOCK_RAW, IPPROTO_RAW), 'socket');
    u32[0] = mark;
    for (const fd of [this.ipv4, this.ipv6]) check(setsockopt(fd, SOL_SOCKET, SO_MARK, address, 4), 'SO_MARK');
    this.next();
  }

  private next(): void {
    read(this.tun, this.arena.memory.bytes, BEFORE_PACKET, PACKET_BYTES, null, (error, length) => {
      if (!this.open) this.release();
      else if (error) throw error;
      else {
        this.forward(length);
        this.next();
      }
    });
  }

  private forward(length: number): void {
    const { counts, arena } = this;
    const packet = arena.memory.bytes.subarray(BEFORE_PACKET, BEFORE_PACKET + length);
    const sockaddr = arena.memory.bytes.fill(0, 0, 28);
    const isIpv6 = packet[0] >> 4 === 6;
    counts.packets++;
    counts.longest = Math.max(counts.longest, length);
    if (isIpv6) {
      if (packet[6] === 44) counts.fragments++;
      sockaddr[0] = AF_INET6;
      sockaddr.set(packet.subarray(24, 40), 8);
    } else {
      if ((packet[6] & 0x40) !== 0) counts.dontFragment++;
      if ((packet[6] & 0x3f) !== 0 || packet[7] !== 0) counts.fragments++;
      sockaddr[0] = AF_INET;
      sockaddr.set(packet.subarray(16, 20), 4);
    }
    const fd = isIpv6 ? this.ipv6 : this.ipv4;
    const bytes = isIpv6 ? 28 : 16;
    if (sendto(fd, arena.address + BEFORE_PACKET, length, 0, arena.address, bytes) < 0) counts.sendErrors++;
  }

  /** Lets a packet come out of the TUN device. */
  inject(packet: Uint8Array): void {
    writeSync(this.tun, packet);
  }

  /** The pending read ends with the next packet or the device. */
  [Symbol.dispose](): void {
    this.open = false;
  }

  private release(): void {
    for (const fd of [this.tun, this.ipv4, this.ipv6]) close(fd);
    this.arena[Symbol.dispose]();
  }
}
