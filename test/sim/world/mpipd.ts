import { GatherBatch } from '../../../src/core/batch.js';
import type { Crypto, LogLevel, NodeIo, Transport } from '../../../src/core/io.js';
import { Memory } from '../../../src/core/memory.js';
import type { Node } from '../../../src/core/node.js';
import type { SlotPool } from '../../../src/core/slots.js';
import type { Timer } from './clock.js';
import { SeededCrypto } from './crypto.js';
import { FakeTcpSockets } from './fake-tcp-sockets.js';
import { gathered } from './gathered.js';
import type { Host } from './host.js';
import { InboundSniffer } from './inbound-sniffer.js';
import { cut, fromTun, plainToTun, toTun, VNET_HEADER_BYTES } from './offload.js';
import {
  type Endpoint,
  type IpPacket,
  type Outgoing,
  PacketError,
  parseIp,
  transportChecksumRight,
  UDP,
  type UdpDatagram,
  withPartialChecksum,
} from './packet.js';
import { POISON, PoisonedSlotPool } from './poisoned-slots.js';
import type { Random } from './random.js';
import { checkMessage, WrapperSocket } from './wrapper-socket.js';

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
const MAX_TIMEOUTS_PER_WAKE_UP = 16;
interface LogLine {
  readonly time: number;
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: Record<string, unknown> | undefined;
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

  private readonly memory = new Memory(new Uint8Array(ARENA_BYTES));
  private readonly slots = new PoisonedSlotPool(this.memory);
  readonly udp: WrapperSocket;
  private readonly tcp: FakeTcpSockets;
  private readonly sniffer = new InboundSniffer(this.memory);
  private readonly tunBuffer = this.memory.allocate(VNET_HEADER_BYTES + 65_536);
  private readonly random: Random;
  private readonly routes = new Map<number, { local: string; remote: Endpoint; transport: Transport }>();
  /** Local addresses that the node has been told, for ever: an interface may go down before the node learns it. */
  private readonly known = new Map<number, string>();
  private readonly steered = new Map<string, number>();
  private nextRoute = 0;

  private readonly fromApplications: (Outgoing | Uint8Array)[] = [];
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
    this.udp = new WrapperSocket(host, this.port, options.gro === true);
    this.tcp = new FakeTcpSockets(host, this.port, options.gro === true);
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
    const local = this.localAt(source.address);
    if (source.port !== this.port || local === undefined) return;
    this.udp.refused(local, destination);
    this.wake();
  }

  datagramArrived({ source, destination, payload }: UdpDatagram): void {
    const local = this.localAt(destination.address);
    if (local === undefined) return;
    this.udp.arrived(local, source, payload);
    this.wake();
  }

  /** Whether the kernel is kept away from segments to a port: they are the node's. */
  holdsPort(endpoint: Endpoint): boolean {
    return this.tcp.holds(endpoint);
  }

  segmentArrived(ip: IpPacket): void {
    const local = this.localAt(ip.destination);
    if (local === undefined) return;
    this.tcp.arrived(local, ip.bytes);
    this.wake();
  }

  nativeArrived(ip: IpPacket): void {
    if (this.sniffer.arrived(ip)) this.wake();
  }

  /** Id of a local address, as long as there is one. */
  private localAt(address: string): number | undefined {
    return this.host.localAddresses().find((own) => own.address === address)?.id;
  }

  // NodeIo.

  sendWire(): void {
    for (let i = 0; i < this.wire.messages; i++) {
      const route = this.routes.get(this.wire.target[i]!);
      if (route === undefined) throw new Error(`message for route ${this.wire.target[i]}, which is not open`);
      const { local, remote, transport } = route;
      const message = gathered(this.memory, this.wire, i);
      const segmentBytes = this.wire.segmentBytes[i]!;
      checkMessage(message.length, segmentBytes);
      if (transport === 'tcp') this.tcp.send(local, remote.address, message, segmentBytes);
      else this.udp.send(local, remote, message, segmentBytes);
    }
    this.wire.clear();
  }

  writeTun(): void {
    for (let i = 0; i < this.tun.messages; i++) {
      if (this.tun.target[i] !== 0 || this.tun.segmentBytes[i] !== 0)
        throw new Error('a TUN message has no target and no segments');
      const message = gathered(this.memory, this.tun, i);
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
    const route = this.nextRoute++;
    const { address, port } = remote;
    this.routes.set(route, { local: this.addressOf(local), remote: { address, port }, transport });
    return route;
  }

  reservePort(local: number): number {
    return this.tcp.reserve(this.addressOf(local));
  }

  releasePort(local: number, port: number): void {
    this.tcp.release(this.addressOf(local), port);
  }

  private addressOf(local: number): string {
    const address = this.known.get(local);
    if (address === undefined) throw new Error(`no local address ${local}`);
    return address;
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
    this.sniffer.watch(remotePort, localPort);
  }

  unwatch(remotePort: number, localPort: number): void {
    this.sniffer.unwatch(remotePort, localPort);
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
      this.udp.handIn(this.node, this.slots, now);
      this.readTun(now);
    } else {
      this.readTun(now);
      this.udp.handIn(this.node, this.slots, now);
    }
    this.tcp.handIn(this.node, this.slots, now);
    this.sniffer.handIn(this.node, now);
    this.udp.handInErrors(this.node, now);
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
}
