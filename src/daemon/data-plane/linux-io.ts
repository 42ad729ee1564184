import { GatherBatch } from '../../core/batch.js';
import type { Address, Crypto, Endpoint, LogLevel, NodeIo, Transport } from '../../core/io.js';
import type { SegmentSender } from '../../host/fake-tcp/segment-sender.js';
import { nodeCrypto } from '../../host/node-crypto.js';
import type { RawSocket } from '../../host/raw-socket.js';
import type { InboundSniffer } from '../../host/sniffer/inbound.js';
import type { Tun } from '../../host/tun.js';
import { TCP_ROUTES, type WireSender } from '../../host/wire/wire-sender.js';
import type { PinnedAddresses } from './pinned-addresses.js';
import type { SegmentSockets } from './segment-sockets.js';
import type { SteeredDestinations } from './steered-destinations.js';
import type { WireSockets } from './wire-sockets.js';

/** A super-packet of 64 KB has at most 64 segments of three pieces; some of them fit, so that a wake-up is one or two flushes. */
const MESSAGES = 256;
const PIECES = 8192;

export type WriteLog = (level: LogLevel, event: string, fields: Record<string, unknown>) => void;

export interface LinuxIoParts {
  readonly tun: Tun;
  readonly raw: RawSocket;
  readonly inbound: InboundSniffer;
  readonly sender: WireSender;
  readonly sockets: WireSockets;
  readonly segmentSender: SegmentSender;
  readonly segmentSockets: SegmentSockets;
  readonly steered: SteeredDestinations;
  readonly pinned: PinnedAddresses;
  readonly log: WriteLog;
}

/** The world of a node on Linux. */
export class LinuxIo implements NodeIo {
  readonly wire = new GatherBatch(MESSAGES, PIECES);
  readonly tun = new GatherBatch(MESSAGES, PIECES);
  readonly crypto: Crypto = nodeCrypto;

  readonly udpSegmentation: boolean;

  constructor(private readonly parts: LinuxIoParts) {
    this.udpSegmentation = parts.tun.offloads.uso;
  }

  sendWire(): void {
    this.parts.sender.send(this.wire);
  }

  writeTun(): void {
    this.parts.tun.write(this.tun);
  }

  openRoute(local: number, remote: Endpoint, transport: Transport): number {
    const { sender, sockets, segmentSender, segmentSockets } = this.parts;
    if (transport === 'udp') return sender.openRoute(sockets.get(local), remote);
    return TCP_ROUTES + segmentSender.openRoute(segmentSockets.get(local), remote);
  }

  closeRoute(route: number): void {
    if (route < TCP_ROUTES) this.parts.sender.closeRoute(route);
    else this.parts.segmentSender.closeRoute(route - TCP_ROUTES);
  }

  reservePort(local: number): number {
    return this.parts.segmentSockets.get(local)?.reserve() ?? 0;
  }

  releasePort(local: number, port: number): void {
    this.parts.segmentSockets.get(local)?.release(port);
  }

  sendNative(offset: number, bytes: number): void {
    this.parts.raw.send(offset, bytes);
  }

  watch(remotePort: number, localPort: number): void {
    this.parts.inbound.watch(remotePort, localPort);
  }

  unwatch(remotePort: number, localPort: number): void {
    this.parts.inbound.unwatch(remotePort, localPort);
  }

  steer(destination: Address, mtu: number): void {
    this.parts.steered.steer(destination, mtu);
  }

  unsteer(destination: Address): void {
    this.parts.steered.unsteer(destination);
  }

  pin(address: Address): void {
    this.parts.pinned.pin(address);
  }

  unpin(address: Address): void {
    this.parts.pinned.unpin(address);
  }

  log(level: LogLevel, event: string, fields: Record<string, unknown> = {}): void {
    this.parts.log(level, event, fields);
  }
}
