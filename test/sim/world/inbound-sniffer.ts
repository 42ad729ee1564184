import type { Memory } from '../../../src/core/memory.js';
import type { Node } from '../../../src/core/node.js';
import { CM_BYTES, TAG_BYTES } from '../../../src/core/wire/cm.js';
import { type IpPacket, parseTcp, TCP, word } from './packet.js';
import { POISON } from './poisoned-slots.js';

/** A simulated daemon's sight of native packets: those that may carry a block, and TCP segments of the ports that are watched. */
export class InboundSniffer {
  private readonly watched = new Map<string, number>();
  private readonly packets: Uint8Array[] = [];
  private readonly buffer: number;

  constructor(private readonly memory: Memory) {
    this.buffer = memory.allocate(65_536);
  }

  watch(remotePort: number, localPort: number): void {
    const ports = `${remotePort} ${localPort}`;
    this.watched.set(ports, (this.watched.get(ports) ?? 0) + 1);
  }

  unwatch(remotePort: number, localPort: number): void {
    const ports = `${remotePort} ${localPort}`;
    const count = this.watched.get(ports) ?? 0;
    if (count === 0) throw new Error(`${ports} is not watched`);
    if (count === 1) this.watched.delete(ports);
    else this.watched.set(ports, count - 1);
  }

  /** Whether the packet passes the filter, and so waits for `handIn`. */
  arrived(ip: IpPacket): boolean {
    const ports = `${word(ip.bytes, ip.headerBytes)} ${word(ip.bytes, ip.headerBytes + 2)}`;
    const passes =
      ip.protocol === TCP
        ? this.watched.has(ports) ||
          parseTcp(ip).payload.length === CM_BYTES ||
          parseTcp(ip).payload.length === CM_BYTES + TAG_BYTES
        : word(ip.bytes, ip.headerBytes + 4) < ip.bytes.length - ip.headerBytes;
    if (passes) this.packets.push(ip.bytes);
    return passes;
  }

  handIn(node: Pick<Node, 'fromNative'>, now: number): void {
    for (const packet of this.packets.splice(0)) {
      this.memory.bytes.set(packet, this.buffer);
      node.fromNative(this.buffer, packet.length, now);
      this.memory.bytes.fill(POISON, this.buffer, this.buffer + packet.length);
    }
  }
}
