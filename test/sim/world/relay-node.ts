import type { GatherBatch } from '../../../src/core/batch.js';
import type { Endpoint, LocalAddress, NodeIo, Source } from '../../../src/core/io.js';
import type { Memory } from '../../../src/core/memory.js';
import type { SlotPool } from '../../../src/core/slots.js';
import type { NodeStatus } from '../../../src/core/status.js';
import type { NodeUnderTest } from './mpipd.js';
import { fromTun, VNET_HEADER_BYTES } from './offload.js';
import { parseIp } from './packet.js';

/** What the relay does wrong on purpose, to prove that the simulator notices. */
export type RelayFault =
  | 'none'
  | 'reads-tun-late'
  | 'reads-slot-late'
  | 'bad-partial-checksum'
  | 'closed-route'
  | 'stuck-timer';

/**
 * A double of the core's Node that steers one peer and sends each packet whole over its routes in turn: just enough to try every part of
 * the simulated host and daemon.
 */
export class RelayNode implements NodeUnderTest {
  readonly unreachables: Endpoint[] = [];
  readonly seen: string[] = [];
  messagesOfSeveral = 0;

  private readonly batch: GatherBatch;
  private readonly scratch: number;
  private scratchUsed = 0;
  private routes: number[] = [];
  private turn = 0;
  private held: number[] = [];

  constructor(
    private readonly memory: Memory,
    private readonly slots: SlotPool,
    private readonly io: NodeIo,
    private readonly peer: readonly Endpoint[],
    private readonly mtu: number,
    private readonly fault: RelayFault = 'none',
  ) {
    this.batch = io.wire;
    this.scratch = memory.allocate(1 << 20);
  }

  setLocalAddresses(addresses: readonly LocalAddress[]): void {
    for (const route of this.routes) this.io.closeRoute(route);
    this.routes = addresses.flatMap(({ id }, i) =>
      this.peer[i] === undefined ? [] : [this.io.openRoute(id, this.peer[i]!, 'udp')],
    );
    for (const { address } of this.peer) this.io.steer(address, this.mtu);
    if (this.fault === 'closed-route') this.io.closeRoute(this.routes[0]!);
  }

  setRules(): void {}

  fromTcp(): void {}

  pathTooLong(): void {}

  fromNative(): void {}

  destinationSeen(address: string): void {
    this.seen.push(address);
  }

  fromTun(offset: number, bytes: number): void {
    if (this.fault === 'reads-tun-late') {
      this.batch.begin(this.routes[0]!, 0);
      this.batch.piece(offset + VNET_HEADER_BYTES, bytes - VNET_HEADER_BYTES);
      this.batch.end();
      return;
    }
    const route = this.routes[this.turn++ % this.routes.length]!;
    const packets = this.cut(this.memory.bytes.subarray(offset, offset + bytes));
    const size = packets[0]!.length;
    const equal = packets.every(
      (packet, i) => packet.length === size || (i === packets.length - 1 && packet.length < size),
    );
    if (!equal) throw new Error('segments of one super-packet differ in length');
    for (let first = 0; first < packets.length; ) {
      const count = Math.min(packets.length - first, Math.floor(60_000 / size));
      this.batch.begin(route, count > 1 ? size : 0);
      for (const packet of packets.slice(first, first + count)) this.pieces(packet);
      this.batch.end();
      first += count;
    }
  }

  fromWire(slot: number, offset: number, bytes: number, segmentBytes: number, _local: number, _source: Source): void {
    if (segmentBytes > 0) this.messagesOfSeveral++;
    const step = segmentBytes === 0 ? bytes : segmentBytes;
    for (let at = offset; at < offset + bytes; at += step) {
      const length = Math.min(step, offset + bytes - at);
      const header = this.take(VNET_HEADER_BYTES);
      this.memory.bytes.fill(0, header, header + VNET_HEADER_BYTES);
      if (this.fault === 'bad-partial-checksum') {
        this.memory.bytes.set([1, 0, 0, 0, 0, 0, 20, 0, 6, 0], header);
      }
      this.io.tun.begin(0, 0);
      this.io.tun.piece(header, VNET_HEADER_BYTES);
      this.io.tun.piece(at, length);
      this.io.tun.end();
    }
    if (this.fault === 'reads-slot-late') return;
    this.slots.retain(slot);
    this.held.push(slot);
  }

  unreachable(_local: number, remote: Endpoint): void {
    this.unreachables.push(remote);
  }

  flush(): void {
    this.io.sendWire();
    this.io.writeTun();
    for (const slot of this.held.splice(0)) this.slots.release(slot);
    this.scratchUsed = 0;
  }

  nextTimeout(): number {
    return this.fault === 'stuck-timer' ? 0 : Number.POSITIVE_INFINITY;
  }

  onTimeout(): void {}

  close(): void {
    for (const { address } of this.peer) this.io.unsteer(address);
  }

  status(): NodeStatus {
    throw new Error('the relay has no tables');
  }

  /** Plain packets, from the forms that a TUN device gives. */
  private cut(message: Uint8Array): Uint8Array[] {
    const strict = message.slice();
    if (strict[1] !== 0) {
      // The kernel's hdr_len is a hint; the checker wants the true length.
      const ip = parseIp(strict.subarray(VNET_HEADER_BYTES));
      const transport = VNET_HEADER_BYTES + ip.headerBytes;
      const header = ip.headerBytes + (ip.protocol === 6 ? (strict[transport + 12]! >> 4) * 4 : 8);
      strict[2] = header;
      strict[3] = 0;
    }
    return fromTun(strict);
  }

  /** Two pieces per packet, as header and payload would be. */
  private pieces(packet: Uint8Array): void {
    const at = this.take(packet.length);
    this.memory.bytes.set(packet, at);
    this.batch.piece(at, 20);
    this.batch.piece(at + 20, packet.length - 20);
  }

  private take(bytes: number): number {
    const at = this.scratch + this.scratchUsed;
    this.scratchUsed += bytes;
    if (this.scratchUsed > 1 << 20) throw new RangeError('scratch is full');
    return at;
  }
}
