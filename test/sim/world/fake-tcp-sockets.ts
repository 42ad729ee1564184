import type { Node } from '../../../src/core/node.js';
import type { Host } from './host.js';
import type { Endpoint } from './packet.js';
import type { PoisonedSlotPool } from './poisoned-slots.js';
import { follows, join, segmentsOf } from './segments.js';

/** The fake TCP connections of a simulated daemon: the ports that the kernel is kept away from, and the segments that come to them. */
export class FakeTcpSockets {
  private readonly reserved = new Set<string>();
  private nextPort = 32_768;
  private readonly segments: { local: number; packet: Uint8Array }[] = [];

  /** `gro`: whether segments that arrived together are handed in as one packet. */
  constructor(
    private readonly host: Host,
    private readonly port: number,
    private readonly gro: boolean,
  ) {}

  /** Whether the kernel is kept away from segments to a port: they are the node's. */
  holds({ address, port }: Endpoint): boolean {
    return port === this.port || this.reserved.has(`${address} ${port}`);
  }

  reserve(address: string): number {
    const port = this.nextPort++;
    this.reserved.add(`${address} ${port}`);
    return port;
  }

  release(address: string, port: number): void {
    if (!this.reserved.delete(`${address} ${port}`)) throw new Error(`port ${port} is not reserved`);
  }

  arrived(local: number, packet: Uint8Array): void {
    this.segments.push({ local, packet });
  }

  /** Each a packet of its own, or as the kernel joins them (GRO): in order, of one size, with the same acknowledgment. */
  handIn(node: Pick<Node, 'fromTcp'>, slots: PoisonedSlotPool, now: number): void {
    while (this.segments.length > 0) {
      const slot = slots.take();
      if (slot < 0) return;
      const first = this.segments.shift()!;
      const joined = [first.packet];
      while (this.gro && this.segments.length > 0) {
        const next = this.segments[0]!;
        if (next.local !== first.local || !follows(joined, next.packet)) break;
        joined.push(this.segments.shift()!.packet);
      }
      const { packet, segmentBytes } = join(joined);
      slots.fill(slot, [packet]);
      node.fromTcp(slot, slots.offset(slot), packet.length, segmentBytes, first.local, now);
      slots.release(slot);
    }
  }

  /** A message that begins with a TCP header, cut and completed as the host does it. */
  send(local: string, remote: string, message: Uint8Array, segmentBytes: number): void {
    for (const packet of segmentsOf(local, remote, message, segmentBytes)) {
      if (packet.length > this.host.mtu) throw new Error(`segment of ${packet.length} bytes, MTU ${this.host.mtu}`);
      this.host.transmit(packet, local);
    }
  }
}
