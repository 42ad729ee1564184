/** The fake TCP connections of a node, by what a segment tells: the local address it came to, the sender's address, and both ports. */
import { parseAddress } from '../address.js';
import type { Endpoint, LocalAddress, Source } from '../io.js';
import type { FakeTcp } from '../nat/fake-tcp.js';
import { Timer } from '../timers.js';
import type { PacketView } from '../wire/packet.js';

/** A fake TCP connection between a local address and a node's endpoint, and so the source of what comes over it. */
export class TcpConnection implements Source {
  /** SYNs sent. */
  attempts = 0;
  /** A path uses it, or has used it. */
  isPath = false;
  /** What happens next unless the other side acts: the SYN again, or the end. */
  readonly timer: Timer;
  /** When what has come is acknowledged at the latest. */
  readonly acknowledge: Timer;
  /** The next one of the table with the same key. */
  next: TcpConnection | undefined;
  readonly key: number;
  private readonly addressBytes: Uint8Array;

  constructor(
    readonly tcp: FakeTcp,
    readonly isOpener: boolean,
    readonly local: LocalAddress,
    readonly remote: Endpoint,
    /** Handle of NodeIo.openRoute. */
    readonly route: number,
    due: (connection: TcpConnection, now: number) => void,
    acknowledge: (connection: TcpConnection, now: number) => void,
  ) {
    this.timer = new Timer((now) => due(this, now));
    this.acknowledge = new Timer((now) => acknowledge(this, now));
    this.addressBytes = parseAddress(remote.address);
    this.key = key(this.addressBytes, 0, this.addressBytes.length, remote.port, tcp.localPort, local.id);
  }

  endpoint(): Endpoint {
    return this.remote;
  }

  fingerprint(): number {
    return this.key;
  }

  /** Whether a segment that came to the local address `local` is of this connection. */
  isOf(b: Uint8Array, packet: PacketView, local: number): boolean {
    const { addressBytes, tcp, remote } = this;
    if (local !== this.local.id || packet.sourcePort !== remote.port || packet.destinationPort !== tcp.localPort) {
      return false;
    }
    if (packet.addressBytes !== addressBytes.length) return false;
    for (let i = 0; i < addressBytes.length; i++) if (b[packet.sourceAt + i] !== addressBytes[i]) return false;
    return true;
  }
}

export class ConnectionTable {
  private readonly heads = new Map<number, TcpConnection>();

  *[Symbol.iterator](): Generator<TcpConnection> {
    for (const head of this.heads.values()) {
      for (let at: TcpConnection | undefined = head; at !== undefined; at = at.next) yield at;
    }
  }

  add(connection: TcpConnection): void {
    connection.next = this.heads.get(connection.key);
    this.heads.set(connection.key, connection);
  }

  /** Whether it was there. */
  remove(connection: TcpConnection): boolean {
    const head = this.heads.get(connection.key);
    if (head === connection) {
      if (connection.next === undefined) this.heads.delete(connection.key);
      else this.heads.set(connection.key, connection.next);
      return true;
    }
    for (let at = head; at !== undefined; at = at.next) {
      if (at.next !== connection) continue;
      at.next = connection.next;
      return true;
    }
    return false;
  }

  /** That of the segment in view, which came to the local address `local`. */
  find(b: Uint8Array, packet: PacketView, local: number): TcpConnection | undefined {
    const { sourceAt, addressBytes, sourcePort, destinationPort } = packet;
    let at = this.heads.get(key(b, sourceAt, addressBytes, sourcePort, destinationPort, local));
    while (at !== undefined && !at.isOf(b, packet, local)) at = at.next;
    return at;
  }
}

/** 32 bits, signed. */
function key(
  b: Uint8Array,
  address: number,
  addressBytes: number,
  remotePort: number,
  localPort: number,
  local: number,
): number {
  let hash = Math.imul((remotePort << 16) | localPort, 0x9e3779b1) ^ Math.imul(local, 0x85ebca6b);
  for (let i = address; i < address + addressBytes; i++) hash = Math.imul(hash ^ b[i], 0x01000193);
  return hash ^ (hash >>> 15);
}
