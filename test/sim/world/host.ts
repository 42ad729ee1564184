import type { LocalAddress } from '../../../src/core/io.js';
import type { Clock } from './clock.js';
import type { Mpipd } from './mpipd.js';
import type { Network } from './network.js';
import { cut, fromTun } from './offload.js';
import {
  type Endpoint,
  ICMP,
  ICMPV6,
  type IpPacket,
  type Outgoing,
  PacketError,
  parseIp,
  parseTcp,
  parseUdp,
  portUnreachable,
  SYN,
  TCP,
  type TcpSegment,
  tooBigMtu,
  transportChecksumRight,
  UDP,
  type UdpDatagram,
  unreachableAbout,
} from './packet.js';
import type { Random } from './random.js';

/** How a packet reached an application: through the TUN device, or on the kernel's normal route. */
export type Via = 'tun' | 'native';

export interface HostOptions {
  /** Of one interface each, unless `interfaces` says otherwise. */
  readonly addresses: readonly string[];
  /** Numbers of the addresses' interfaces. */
  readonly interfaces?: readonly number[];
  readonly mtu?: number;
  /** Zero of the host's monotonic clock, us. */
  readonly clockOffset?: number;
  /** Speed error of the host's clock, parts per million. */
  readonly clockDrift?: number;
  /** Answers datagrams to a closed port with ICMP. */
  readonly icmp?: boolean;
  /** What becomes of a packet too long for a steered route, as when TCP cut it before: Linux drops it, or the device takes it. */
  readonly oversize?: 'drop' | 'to-node';
}

type TcpHandler = (segment: TcpSegment, via: Via) => void;
type UdpHandler = (datagram: UdpDatagram, via: Via) => void;

export interface HostCounters {
  /** Damaged packets that the kernel dropped. */
  damaged: number;
  /** Packets for which no application waits, by how they came. */
  strayTun: number;
  strayNative: number;
  oversize: number;
  /** Packets that came through the TUN device and natively. */
  receivedTun: number;
  receivedNative: number;
  sentTun: number;
  sentNative: number;
}

/** A UDP destination is reported to the node's sniffer at most this often, us; a TCP SYN always. */
const SNIFF_INTERVAL = 1_000_000;

/** The kernel of a simulated host: addresses, routes, transport demultiplexing. Applications and mpipd stand on it. */
export class Host {
  readonly mtu: number;
  readonly counters: HostCounters = {
    damaged: 0,
    strayTun: 0,
    strayNative: 0,
    oversize: 0,
    receivedTun: 0,
    receivedNative: 0,
    sentTun: 0,
    sentNative: 0,
  };
  /** What came for no application: evidence for a failing test. */
  readonly strays: Uint8Array[] = [];
  /** Where its applications heard that nobody listens. */
  readonly refusals: { readonly source: Endpoint; readonly destination: Endpoint }[] = [];
  /** MTUs that "packet too big" messages told its applications. */
  readonly tooBig: number[] = [];
  mpipd: Mpipd | null = null;
  /** Sees every packet and super-packet of the applications. */
  applicationTap: ((outgoing: Outgoing) => void) | null = null;

  private readonly locals = new Map<string, LocalAddress>();
  private readonly downAddresses = new Set<string>();
  /** Addresses that the TUN device holds. */
  readonly pinned = new Set<string>();
  private readonly tcpHandlers = new Map<string, TcpHandler>();
  private readonly tcpListeners = new Map<string, (syn: TcpSegment, via: Via) => void>();
  private readonly udpHandlers = new Map<string, UdpHandler>();
  private readonly lastSniffed = new Map<string, number>();
  private nextLocalId = 1;

  constructor(
    readonly name: string,
    readonly clock: Clock,
    readonly network: Network,
    readonly random: Random,
    readonly options: HostOptions,
  ) {
    this.mtu = options.mtu ?? 1500;
    for (const address of options.addresses) this.addAddress(address);
  }

  get addresses(): readonly string[] {
    return this.options.addresses;
  }

  /** The host's monotonic clock, whole us. */
  now(): number {
    return this.clockAt(this.clock.now);
  }

  /** An instant of the world's clock at which the host's clock has just reached `local`. */
  worldTime(local: number): number {
    const { clockOffset = 0, clockDrift = 0 } = this.options;
    let time = (local - clockOffset) / (1 + clockDrift * 1e-6);
    // Rounding may leave it a moment short, and a timer that is early would be set again and again.
    while (this.clockAt(time) < local) time += 0.05;
    return time;
  }

  localAddresses(): LocalAddress[] {
    return [...this.locals.values()].filter((local) => !this.downAddresses.has(local.address));
  }

  isLocal(address: string): boolean {
    return this.locals.has(address);
  }

  isUp(address: string): boolean {
    return this.locals.has(address) && !this.downAddresses.has(address);
  }

  /** Takes the interface of an address down or up; mpipd learns it as from netlink. An address that returns has a new id. */
  setInterface(address: string, up: boolean): void {
    if (up === this.isUp(address)) return;
    if (up) {
      this.downAddresses.delete(address);
      this.addAddress(address);
    } else {
      this.downAddresses.add(address);
    }
    this.mpipd?.addressesChanged();
  }

  /** MTU that TCP sees for a destination, bytes of IP packet. */
  routeMtu(destination: string): number {
    return this.mpipd?.steeredMtu(destination) ?? this.mtu;
  }

  /** An application's packet or super-packet takes its route: the TUN device for steered destinations, else the normal one. */
  send(outgoing: Outgoing): void {
    this.applicationTap?.(outgoing);
    const { source, destination } = parseIp(outgoing.packet);
    const mtu = this.mpipd?.steeredMtu(destination);
    if (this.mpipd !== null && mtu !== undefined) {
      if (longestSegment(outgoing) > mtu) {
        this.counters.oversize++;
        if (this.options.oversize !== 'to-node') return;
      }
      this.counters.sentTun++;
      this.mpipd.applicationSent(outgoing);
      return;
    }
    if (longestSegment(outgoing) > this.mtu)
      throw new PacketError(`${this.name} sends ${longestSegment(outgoing)} bytes, MTU ${this.mtu}`);
    for (const packet of cut(outgoing)) this.transmit(packet, source);
    this.sniff(outgoing, destination);
  }

  /** A complete packet leaves through the interface of its source address. */
  transmit(packet: Uint8Array, source: string): void {
    if (!this.isUp(source)) return;
    this.counters.sentNative++;
    this.network.send(packet);
  }

  /** A message that mpipd wrote to the TUN device. Throws PacketError for what it should not have written. */
  receiveTun(message: Uint8Array): void {
    for (const packet of fromTun(message)) {
      const ip = parseIp(packet);
      if (!this.isUp(ip.destination) && !this.pinned.has(ip.destination)) {
        throw new PacketError(`${this.name} has no address ${ip.destination}`);
      }
      this.counters.receivedTun++;
      const tooBig = tooBigMtu(ip);
      const refused = ip.protocol === ICMP || ip.protocol === ICMPV6 ? unreachableAbout(ip) : null;
      if (tooBig !== null) this.tooBig.push(tooBig);
      else if (refused !== null) this.refusals.push(refused);
      else this.deliver(ip, 'tun');
    }
  }

  bindTcp(local: Endpoint, remote: Endpoint, handler: TcpHandler): void {
    this.tcpHandlers.set(flow(local, remote), handler);
  }

  listenTcp(local: Endpoint, accept: (syn: TcpSegment, via: Via) => void): void {
    this.tcpListeners.set(place(local), accept);
  }

  /** `remote` null: datagrams of all for whom nothing else is bound. */
  bindUdp(local: Endpoint, remote: Endpoint | null, handler: UdpHandler): void {
    this.udpHandlers.set(remote === null ? place(local) : flow(local, remote), handler);
  }

  private clockAt(worldTime: number): number {
    const { clockOffset = 0, clockDrift = 0 } = this.options;
    return Math.floor(clockOffset + worldTime * (1 + clockDrift * 1e-6));
  }

  private addAddress(address: string): void {
    const place = this.options.addresses.indexOf(address);
    const index = this.options.interfaces?.[place] ?? place;
    const local = {
      id: this.nextLocalId++,
      address,
      interface: `eth${index}`,
      interfaceIndex: index + 2,
      mtu: this.mtu,
    };
    this.locals.set(address, local);
    this.network.attach(address, (packet) => this.receive(packet));
  }

  private receive(packet: Uint8Array): void {
    let ip: IpPacket;
    try {
      ip = parseIp(packet);
      if (!transportChecksumRight(ip)) throw new PacketError('checksum');
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      this.counters.damaged++;
      return;
    }
    if (!this.isUp(ip.destination)) return;
    if (ip.protocol === ICMP || ip.protocol === ICMPV6) {
      const about = unreachableAbout(ip);
      if (about?.protocol === UDP) this.mpipd?.icmpUnreachable(about.source, about.destination);
      if (about !== null) this.refusals.push(about);
      return;
    }
    if (ip.protocol === UDP && this.mpipd !== null) {
      const datagram = parseUdp(ip);
      if (datagram.destination.port === this.mpipd.port) {
        this.mpipd.datagramArrived(datagram);
        return;
      }
    }
    if (ip.protocol === TCP && this.mpipd?.holdsPort(parseTcp(ip).destination) === true) {
      this.mpipd.segmentArrived(ip);
      return;
    }
    this.counters.receivedNative++;
    this.mpipd?.nativeArrived(ip);
    this.deliver(ip, 'native');
  }

  private deliver(ip: IpPacket, via: Via): void {
    if (ip.protocol === TCP ? this.deliverTcp(parseTcp(ip), via) : this.deliverUdp(parseUdp(ip), via)) return;
    if (via === 'tun') this.counters.strayTun++;
    else this.counters.strayNative++;
    this.strays.push(ip.bytes);
    if (ip.protocol === UDP && this.options.icmp !== false) {
      const message = portUnreachable(ip.destination, ip.bytes);
      if (this.mpipd?.steeredMtu(ip.source) !== undefined) this.mpipd.kernelSent(message);
      else this.transmit(message, ip.destination);
    }
  }

  private deliverTcp(segment: TcpSegment, via: Via): boolean {
    const { source, destination, flags } = segment;
    const listener = (flags & SYN) === 0 ? undefined : this.tcpListeners.get(place(destination));
    const handler = this.tcpHandlers.get(flow(destination, source)) ?? listener;
    handler?.(segment, via);
    return handler !== undefined;
  }

  private deliverUdp(datagram: UdpDatagram, via: Via): boolean {
    const { source, destination } = datagram;
    const handler = this.udpHandlers.get(flow(destination, source)) ?? this.udpHandlers.get(place(destination));
    handler?.(datagram, via);
    return handler !== undefined;
  }

  private sniff(outgoing: Outgoing, destination: string): void {
    if (this.mpipd === null) return;
    const isSyn = outgoing.protocol === TCP && (outgoing.packet[outgoing.transportOffset + 13]! & SYN) !== 0;
    if (!isSyn) {
      if (outgoing.protocol === TCP) return;
      const last = this.lastSniffed.get(destination) ?? Number.NEGATIVE_INFINITY;
      if (this.clock.now - last < SNIFF_INTERVAL) return;
    }
    this.lastSniffed.set(destination, this.clock.now);
    this.mpipd.destinationSeen(destination);
  }
}

function place({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}

function flow(local: Endpoint, remote: Endpoint): string {
  return `${local.address} ${local.port} ${remote.address} ${remote.port}`;
}

function longestSegment({ packet, transportOffset, protocol, segmentBytes }: Outgoing): number {
  if (segmentBytes === 0) return packet.length;
  const header = transportOffset + (protocol === TCP ? (packet[transportOffset + 12]! >> 4) * 4 : 8);
  return Math.min(packet.length, header + segmentBytes);
}
