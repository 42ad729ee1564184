/**
 * The border of the core. Everything that a node needs of the world stands here: the host implements it on Linux, the simulator in
 * virtual time. Time is a monotonic clock in microseconds (a Number; its zero is arbitrary) and always handed in.
 */
import type { GatherBatch } from './batch.js';

/** Canonical text of an IP address: "10.1.0.1", "fd00::1" (RFC 5952). */
export type Address = string;

export interface Endpoint {
  readonly address: Address;
  readonly port: number;
}

/** What carries the datagrams of a path: UDP, or segments of a fake TCP connection (nat/fake-tcp.ts). */
export type Transport = 'udp' | 'tcp';

/** A local address that paths can start from. The host keeps one wrapper socket for each, bound to address, port and device. */
export interface LocalAddress {
  /** Names the address for as long as it exists; never reused. */
  readonly id: number;
  readonly address: Address;
  readonly interface: string;
  readonly interfaceIndex: number;
  /** MTU of the interface, bytes. */
  readonly mtu: number;
}

/** Where the datagram that is being handed in came from; read only when needed, so that data packets cost nothing. */
export interface Source {
  endpoint(): Endpoint;
  /** 32 bits that are equal for equal endpoints: cheap enough for every message. */
  fingerprint(): number;
}

export interface KeyPair {
  /** X25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Shared secret with a peer's public key, 32 bytes (RFC 7748). Throws on a low-order point. */
  agree(peerPublicKey: Uint8Array): Uint8Array;
}

export interface Crypto {
  randomBytes(count: number): Uint8Array;
  keyPair(): KeyPair;
  /** SHA-256 over the parts, 32 bytes. */
  sha256(...parts: Uint8Array[]): Uint8Array;
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

export interface NodeIo {
  /** Datagrams for the network; `sendWire` sends and clears them. */
  readonly wire: GatherBatch;
  /** virtio_net_hdr + IP packets for the TUN device; `writeTun` writes and clears them. */
  readonly tun: GatherBatch;
  sendWire(): void;
  writeTun(): void;
  /** Whether the TUN device takes UDP super-packets (USO). */
  readonly udpSegmentation: boolean;

  /**
   * Prepares sending from a local address to an endpoint; the handle is a `target` of the wire batch until `closeRoute`. By TCP, a message's
   * first piece begins with a TCP header without options, or is a header alone; the host adds checksum and IP header, and where it cuts a
   * message (`segmentBytes`: of payload), it advances the sequence number and leaves PSH to the last segment.
   */
  openRoute(local: number, remote: Endpoint, transport: Transport): number;
  closeRoute(route: number): void;
  /** Keeps a TCP port of a local address from everyone, the kernel's answers too; 0 = none could be had. */
  reservePort(local: number): number;
  releasePort(local: number, port: number): void;

  /** Sends one complete IP packet (checksums right, no virtio_net_hdr) on the kernel's normal route. */
  sendNative(offset: number, bytes: number): void;

  /**
   * From now on `Node.fromNative` also sees incoming native TCP packets from this port to that one, whatever their addresses. A count: as many
   * `unwatch` as `watch` end it.
   */
  watch(remotePort: number, localPort: number): void;
  unwatch(remotePort: number, localPort: number): void;

  /** From now on packets to this address come through the TUN device, cut for `mtu` bytes of IP packet. Idempotent. */
  steer(destination: Address, mtu: number): void;
  unsteer(destination: Address): void;

  /** Keeps an own address that sessions use, though its interface is down or gone. Idempotent. */
  pin(address: Address): void;
  unpin(address: Address): void;

  readonly crypto: Crypto;
  log(level: LogLevel, event: string, fields?: Record<string, unknown>): void;
}
