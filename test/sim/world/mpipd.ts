import { GatherBatch } from '../../../src/core/batch.js';
import type { Crypto, LogLevel, NodeIo, Transport } from '../../../src/core/io.js';
import { Memory } from '../../../src/core/memory.js';
import type { Node } from '../../../src/core/node.js';
import { SlotPool } from '../../../src/core/slots.js';
import { CM_BYTES, TAG_BYTES } from '../../../src/core/wire/cm.js';
import type { Timer } from './clock.js';
import { SeededCrypto } from './crypto.js';
import type { Host } from './host.js';
import { cut, fromTun, plainToTun, toTun, VNET_HEADER_BYTES } from './offload.js';
import {
  type Endpoint,
  type IpPacket,
  type Outgoing,
  PacketError,
  parseIp,
  parseTcp,
  TCP,
  transportChecksumRight,
  UDP,
  type UdpDatagram,
  udpPacket,
  withPartialChecksum,
  word,
} from './packet.js';
import type { Random } from './random.js';
import { follows, join, segmentsOf } from './segments.js';

/** What the simulated daemon drives: the core's Node, or a double of it. */
export type NodeUnderTest = { [K in keyof Node]: Node[K] };

/** Makes the node over the daemon's memory and I/O; `now` is the host's clock, us. */
export type NodeFactory = (memory: Memory, slots: SlotPool, io: NodeIo, now: number) => NodeUnderTest;

export interface MpipdOptions {
  readonly port?: number;
  /** Whether datagrams that arrived together are handed in as one message (UDP_GRO). */
  readonly gro?: boolean;
  /** Whether the TUN device gives and takes UDP super-packets. */
  readonly udpSegmentation?: boolean;
  /** Time from an event to the wake-up that handles it, uniform in [0, wakeDelay) us. */
  readonly wakeDelay?: number;
}

const ARENA_BYTES = 48 << 20;
const SLOTS = 512;
const SLOT_BYTES = 65_536;
const MAX_UDP_PAYLOAD = 65_507;
const MAX_GSO_SEGMENTS = 64;
/** UIO_MAXIOV of Linux. */
const MAX_PIECES = 1024;
const MAX_TIMEOUTS_PER_WAKE_UP = 16;
/** Memory that nobody may use any more reads as this. */
const POISON = 0xa5;

interface Arrival {
  readonly local: number;
  readonly source: Endpoint;
  readonly payload: Uint8Array;
}

interface LogLine {
  readonly time: number;
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: Record<string, unknown> | undefined;
}

/** A slot that is given up is overwritten at once, so that a late reader of it is found out. */
class PoisonedSlotPool extends SlotPool {
  private readonly filled = new Int32Array(SLOTS);

  constructor(private readonly memory: Memory) {
    super(memory, SLOTS, SLOT_BYTES);
  }

  fill(slot: number, parts: readonly Uint8Array[]): void {
    let at = this.offset(slot);
    for (const part of parts) {
      this.memory.bytes.set(part, at);
      at += part.length;
    }
    this.filled[slot] = at - this.offset(slot);
  }

  override release(slot: number): void {
    const before = this.available;
    super.release(slot);
    const at = this.offset(slot);
    if (this.available > before) this.memory.bytes.fill(POISON, at, at + this.filled[slot]!);
  }
}

/** One running daemon on a simulated host: the border that `NodeIo` asks for, and the loop that wakes the node up. */
export class Mpipd implements NodeIo {
  readonly wire = new GatherBatch(1024, 16_384);
  readonly tun = new GatherBatch(1024, 16_384);
  readonly crypto: Crypto;
  readonly node: NodeUnderTest;
  readonly port: number;
  readonly udpSegmentation: boolean;
  readonly logLines: LogLine[] = [];
  /** Sees every datagram that the node sends: route end points and payload. */
  wireTap: ((local: string, remote: Endpoint, payload: Uint8Array) => void) | null = null;

  private readonly memory = new Memory(new Uint8Array(ARENA_BYTES));
  private readonly slots = new PoisonedSlotPool(this.memory);
  private readonly tunBuffer = this.memory.allocate(VNET_HEADER_BYTES + 65_536);
  private readonly random: Random;
  private readonly routes = new Map<number, { local: string; remote: Endpoint; transport: Transport }>();
  private readonly reserved = new Set<string>();
  private nextPort = 32_768;
  /** Local addresses that the node has been told, for ever: an interface may go down before the node learns it. */
  private readonly known = new Map<number, string>();
  private readonly steered = new Map<string, number>();
  private readonly watched = new Map<string, number>();
  private readonly native: Uint8Array[] = [];
  private readonly nativeBuffer = this.memory.allocate(65_536);
  private nextRoute = 0;
  private identification = 0;

  private readonly arrivals: Arrival[] = [];
  private readonly fromApplications: (Outgoing | Uint8Array)[] = [];
  private readonly segments: { local: number; packet: Uint8Array }[] = [];
  private readonly errors: { local: number; remote: Endpoint }[] = [];
  private readonly seen: string[] = [];
  private addressChange = false;
  private wakeUp: Timer | null = null;
  private timeout: Timer | null = null;
  private alive = true;

  constructor(
    readonly host: Host,
    factory: NodeFactory,
    private readonly options: MpipdOptions = {},
  ) {
    if (host.mpipd !== null) throw new Error(`${host.name} runs mpipd already`);
    this.random = host.random.fork(`mpipd ${host.clock.now}`);
    this.crypto = new SeededCrypto(this.random.fork('crypto'));
    this.port = options.port ?? 6747;
    this.udpSegmentation = options.udpSegmentation ?? true;
    host.mpipd = this;
    this.node = factory(this.memory, this.slots, this, host.now());
    this.addressesChanged();
  }

  /** Free receive slots; all of them when the node holds nothing. */
  get slotsAvailable(): number {
    return this.slots.available;
  }

  get slotCount(): number {
    return this.slots.count;
  }

  steeredMtu(destination: string): number | undefined {
    return this.steered.get(destination);
  }

  /** SIGKILL: the process, its device, sockets and routes are gone at once. */
  kill(): void {
    this.alive = false;
    this.wakeUp?.cancel();
    this.timeout?.cancel();
    this.steered.clear();
    this.host.mpipd = null;
  }

  /** SIGTERM: the node says goodbye first. */
  stop(): void {
    this.node.close(this.host.now());
    this.node.flush(this.host.now());
    this.kill();
  }

  /** Newest log lines as text, for the report of a failing test. */
  logText(): string {
    return this.logLines
      .map((line) => `${line.time} ${this.host.name} ${line.level} ${line.event} ${JSON.stringify(line.fields ?? {})}`)
      .join('\n');
  }

  // Events from the kernel.

  addressesChanged(): void {
    this.addressChange = true;
    this.wake();
  }

  applicationSent(outgoing: Outgoing): void {
    if (outgoing.protocol === UDP && !this.udpSegmentation) {
      for (const packet of cut(outgoing)) this.fromApplications.push(withPartialChecksum(packet, outgoing));
    } else {
      this.fromApplications.push(outgoing);
    }
    this.wake();
  }

  /** A complete packet of the kernel's own, as ICMP. */
  kernelSent(packet: Uint8Array): void {
    this.fromApplications.push(packet);
    this.wake();
  }

  destinationSeen(address: string): void {
    this.seen.push(address);
    this.wake();
  }

  icmpUnreachable(source: Endpoint, destination: Endpoint): void {
    const local = this.host.localAddresses().find(({ address }) => address === source.address);
    if (source.port !== this.port || local === undefined) return;
    this.errors.push({ local: local.id, remote: destination });
    this.wake();
  }

  datagramArrived({ source, destination, payload }: UdpDatagram): void {
    const local = this.host.localAddresses().find(({ address }) => address === destination.address);
    if (local === undefined) return;
    this.arrivals.push({ local: local.id, source, payload });
    this.wake();
  }

  /** Whether the kernel is kept away from segments to a port: they are the node's. */
  holdsPort({ address, port }: Endpoint): boolean {
    return port === this.port || this.reserved.has(`${address} ${port}`);
  }

  segmentArrived(ip: IpPacket): void {
    const local = this.host.localAddresses().find(({ address }) => address === ip.destination);
    if (local === undefined) return;
    this.segments.push({ local: local.id, packet: ip.bytes });
    this.wake();
  }

  /** The sniffer passes what may carry a block, and what is watched. */
  nativeArrived(ip: IpPacket): void {
    const ports = `${word(ip.bytes, ip.headerBytes)} ${word(ip.bytes, ip.headerBytes + 2)}`;
    const passes =
      ip.protocol === TCP
        ? this.watched.has(ports) ||
          parseTcp(ip).payload.length === CM_BYTES ||
          parseTcp(ip).payload.length === CM_BYTES + TAG_BYTES
        : word(ip.bytes, ip.headerBytes + 4) < ip.bytes.length - ip.headerBytes;
    if (!passes) return;
    this.native.push(ip.bytes);
    this.wake();
  }

  // NodeIo.

  sendWire(): void {
    for (let i = 0; i < this.wire.messages; i++) {
      const route = this.routes.get(this.wire.target[i]!);
      if (route === undefined) throw new Error(`message for route ${this.wire.target[i]}, which is not open`);
      const payload = this.gather(this.wire, i);
      const segment = this.wire.segmentBytes[i]!;
      if (payload.length > MAX_UDP_PAYLOAD) throw new Error(`UDP message of ${payload.length} bytes`);
      if (segment > 0 && Math.ceil(payload.length / segment) > MAX_GSO_SEGMENTS) {
        throw new Error(`${payload.length} bytes in datagrams of ${segment}: more than ${MAX_GSO_SEGMENTS}`);
      }
      if (route.transport === 'tcp') {
        this.sendSegments(route.local, route.remote.address, payload, segment);
        continue;
      }
      const step = segment === 0 ? payload.length : segment;
      for (let at = 0; at < payload.length; at += step)
        this.sendDatagram(route.local, route.remote, payload.subarray(at, at + step));
    }
    this.wire.clear();
  }

  writeTun(): void {
    for (let i = 0; i < this.tun.messages; i++) {
      if (this.tun.target[i] !== 0 || this.tun.segmentBytes[i] !== 0)
        throw new Error('a TUN message has no target and no segments');
      const message = this.gather(this.tun, i);
      // Checked here, so that the stack trace of what is wrong leads into the node; delivered after the node has returned.
      if (
        fromTun(message).length > 1 &&
        !this.udpSegmentation &&
        parseIp(message.subarray(VNET_HEADER_BYTES)).protocol === UDP
      ) {
        throw new PacketError('UDP super-packet for a TUN device without USO');
      }
      this.host.clock.after(0, () => this.host.receiveTun(message));
    }
    this.tun.clear();
  }

  openRoute(local: number, remote: Endpoint, transport: Transport): number {
    const address = this.known.get(local);
    if (address === undefined) throw new Error(`no local address ${local}`);
    const route = this.nextRoute++;
    this.routes.set(route, { local: address, remote: { address: remote.address, port: remote.port }, transport });
    return route;
  }

  reservePort(local: number): number {
    const port = this.nextPort++;
    this.reserved.add(`${this.known.get(local)} ${port}`);
    return port;
  }

  releasePort(local: number, port: number): void {
    if (!this.reserved.delete(`${this.known.get(local)} ${port}`)) throw new Error(`port ${port} is not reserved`);
  }

  closeRoute(route: number): void {
    if (!this.routes.delete(route)) throw new Error(`route ${route} is not open`);
  }

  sendNative(offset: number, bytes: number): void {
    const packet = this.memory.bytes.slice(offset, offset + bytes);
    const ip = parseIp(packet);
    if (!transportChecksumRight(ip)) throw new PacketError('checksum of a native packet is wrong');
    if (!this.host.isLocal(ip.source)) throw new PacketError(`native packet from ${ip.source}, which is not here`);
    if (packet.length > this.host.mtu)
      throw new PacketError(`native packet of ${packet.length} bytes, MTU ${this.host.mtu}`);
    this.host.transmit(packet, ip.source);
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

  steer(destination: string, mtu: number): void {
    if (this.host.isLocal(destination)) throw new Error(`${destination} is an address of ${this.host.name} itself`);
    if (!(mtu >= 576 && mtu <= this.host.mtu)) throw new Error(`MTU ${mtu} for ${destination}`);
    this.steered.set(destination, mtu);
  }

  unsteer(destination: string): void {
    this.steered.delete(destination);
  }

  pin(address: string): void {
    this.host.pinned.add(address);
  }

  unpin(address: string): void {
    this.host.pinned.delete(address);
  }

  log(level: LogLevel, event: string, fields?: Record<string, unknown>): void {
    this.logLines.push({ time: Math.round(this.host.clock.now), level, event, fields });
  }

  // The loop.

  private wake(): void {
    if (!this.alive || this.wakeUp !== null) return;
    const delay = this.options.wakeDelay ?? 0;
    this.wakeUp = this.host.clock.after(delay > 0 ? this.random.between(0, delay) : 0, () => {
      this.wakeUp = null;
      this.run();
    });
  }

  private run(): void {
    if (!this.alive) return;
    const now = this.host.now();
    if (this.addressChange) {
      this.addressChange = false;
      const addresses = this.host.localAddresses();
      for (const { id, address } of addresses) this.known.set(id, address);
      this.node.setLocalAddresses(addresses, now);
    }
    // Which descriptor ppoll reports first is not for the node to rely on.
    if (this.random.chance(0.5)) {
      this.handIn(now);
      this.readTun(now);
    } else {
      this.readTun(now);
      this.handIn(now);
    }
    this.handInSegments(now);
    for (const packet of this.native.splice(0)) {
      this.memory.bytes.set(packet, this.nativeBuffer);
      this.node.fromNative(this.nativeBuffer, packet.length, now);
      this.memory.bytes.fill(POISON, this.nativeBuffer, this.nativeBuffer + packet.length);
    }
    for (const { local, remote } of this.errors.splice(0)) this.node.unreachable(local, remote, now);
    for (const address of this.seen.splice(0)) this.node.destinationSeen(address, now);
    for (let i = 0; this.node.nextTimeout() <= now; i++) {
      if (i === MAX_TIMEOUTS_PER_WAKE_UP)
        throw new Error(`nextTimeout() stays at ${this.node.nextTimeout()}, now is ${now}`);
      this.node.onTimeout(now);
    }
    this.node.flush(now);
    if (this.wire.messages > 0 || this.tun.messages > 0) throw new Error('flush() left messages in a batch');
    this.arm();
  }

  private arm(): void {
    this.timeout?.cancel();
    const next = this.node.nextTimeout();
    if (next === Number.POSITIVE_INFINITY) return;
    if (Number.isNaN(next)) throw new Error('nextTimeout() is not a number');
    this.timeout = this.host.clock.at(this.host.worldTime(next), () => this.wake());
  }

  private readTun(now: number): void {
    const { bytes } = this.memory;
    for (const outgoing of this.fromApplications.splice(0)) {
      const message = outgoing instanceof Uint8Array ? plainToTun(outgoing) : toTun(outgoing, this.random);
      bytes.set(message, this.tunBuffer);
      this.node.fromTun(this.tunBuffer, message.length, now);
      bytes.fill(POISON, this.tunBuffer, this.tunBuffer + message.length);
    }
  }

  private handIn(now: number): void {
    while (this.arrivals.length > 0) {
      const slot = this.slots.take();
      // Without a slot the datagrams wait in the socket; the next release is at the latest at the node's next timeout.
      if (slot < 0) {
        if (this.node.nextTimeout() === Number.POSITIVE_INFINITY)
          throw new Error('the node keeps all slots and waits for nothing');
        return;
      }
      const first = this.arrivals.shift()!;
      const parts = [first.payload];
      let length = first.payload.length;
      while (this.options.gro === true && length % first.payload.length === 0 && parts.length < MAX_GSO_SEGMENTS) {
        const next = this.arrivals[0];
        if (next === undefined || next.local !== first.local || next.payload.length > first.payload.length) break;
        if (next.source.address !== first.source.address || next.source.port !== first.source.port) break;
        if (next.payload.length === 0 || length + next.payload.length > SLOT_BYTES) break;
        parts.push(next.payload);
        length += next.payload.length;
        this.arrivals.shift();
      }
      const offset = this.slots.offset(slot);
      this.slots.fill(slot, parts);
      const source = { endpoint: () => first.source, fingerprint: () => fingerprint(first.source) };
      this.node.fromWire(slot, offset, length, parts.length > 1 ? first.payload.length : 0, first.local, source, now);
      this.slots.release(slot);
    }
  }

  /** Each a packet of its own, or as the kernel joins them (GRO): in order, of one size, with the same acknowledgment. */
  private handInSegments(now: number): void {
    while (this.segments.length > 0) {
      const slot = this.slots.take();
      if (slot < 0) return;
      const first = this.segments.shift()!;
      const joined = [first.packet];
      while (this.options.gro === true && this.segments.length > 0) {
        const next = this.segments[0]!;
        if (next.local !== first.local || !follows(joined, next.packet)) break;
        joined.push(this.segments.shift()!.packet);
      }
      const { packet, segmentBytes } = join(joined);
      this.slots.fill(slot, [packet]);
      this.node.fromTcp(slot, this.slots.offset(slot), packet.length, segmentBytes, first.local, now);
      this.slots.release(slot);
    }
  }

  private gather(batch: GatherBatch, message: number): Uint8Array {
    const from = batch.firstPiece[message]!;
    const to = batch.firstPiece[message + 1]!;
    if (to === from || to - from > MAX_PIECES) throw new Error(`a message of ${to - from} pieces`);
    let length = 0;
    for (let i = from; i < to; i++) {
      if (
        batch.pieceBytes[i]! < 0 ||
        batch.pieceOffset[i]! < 0 ||
        batch.pieceOffset[i]! + batch.pieceBytes[i]! > ARENA_BYTES
      ) {
        throw new Error(`piece of ${batch.pieceBytes[i]} bytes at ${batch.pieceOffset[i]}`);
      }
      length += batch.pieceBytes[i]!;
    }
    const out = new Uint8Array(length);
    let at = 0;
    for (let i = from; i < to; i++) {
      const offset = batch.pieceOffset[i]!;
      out.set(this.memory.bytes.subarray(offset, offset + batch.pieceBytes[i]!), at);
      at += batch.pieceBytes[i]!;
    }
    return out;
  }

  /** A message that begins with a TCP header, cut and completed as the host does it. */
  private sendSegments(local: string, remote: string, message: Uint8Array, segmentBytes: number): void {
    for (const packet of segmentsOf(local, remote, message, segmentBytes)) {
      if (packet.length > this.host.mtu) throw new Error(`segment of ${packet.length} bytes, MTU ${this.host.mtu}`);
      this.host.transmit(packet, local);
    }
  }

  private sendDatagram(local: string, remote: Endpoint, payload: Uint8Array): void {
    this.wireTap?.(local, remote, payload);
    const source = { address: local, port: this.port };
    const outgoing = udpPacket({ source, destination: remote, payload }, 0, this.identification++ & 0xffff);
    if (outgoing.packet.length > this.host.mtu)
      throw new Error(`datagram of ${payload.length} bytes, interface MTU ${this.host.mtu}`);
    this.host.transmit(cut(outgoing)[0]!, local);
  }
}

function fingerprint({ address, port }: Endpoint): number {
  let hash = port;
  for (const character of address) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) | 0;
  return hash;
}
