/** A router that translates addresses and ports of IPv4 (RFC 4787), and maps other ports than the hosts chose. */
import { addressBytes } from './addresses.js';
import { sum } from './checksum.js';
import type { Clock } from './clock.js';
import type { Link } from './link.js';
import type { Network } from './network.js';
import {
  type Endpoint,
  finishIpHeader,
  type IpPacket,
  PacketError,
  parseIp,
  putWord,
  TCP,
  UDP,
  word,
} from './packet.js';

export type NatType = 'full-cone' | 'address-restricted' | 'port-restricted' | 'symmetric';

/** Packets from outside to a port of the NAT that go to a host inside, whoever sends them. */
export interface Forward {
  readonly protocol: typeof TCP | typeof UDP;
  readonly port: number;
  readonly to: Endpoint;
}

export interface NatOptions {
  readonly type: NatType;
  /** How long a mapping outlives its last packet in either direction, us. Default: for ever. */
  readonly lifetime?: number;
  /** Takes bytes behind the UDP length (RFC 9868) for a damaged datagram, and drops it. */
  readonly dropsSurplus?: boolean;
  readonly forward?: readonly Forward[];
}

interface Mapping {
  readonly inside: Endpoint;
  readonly port: number;
  /** Whom it was used to send to. */
  readonly addresses: Set<string>;
  readonly endpoints: Set<string>;
  usedAt: number;
}

const FIRST_PORT = 20_000;
const SOURCE_AT = 12;
const DESTINATION_AT = 16;
const TIME_TO_LIVE_AT = 8;

export class Nat {
  readonly counters = { filtered: 0, surplus: 0, expired: 0 };
  private readonly hosts = new Map<string, { network: Network; down: Link }>();
  private readonly byInside = new Map<string, Mapping>();
  private readonly byPort = new Map<string, Mapping>();
  private nextPort = FIRST_PORT;

  constructor(
    private readonly clock: Clock,
    private readonly internet: Network,
    readonly address: string,
    private readonly options: NatOptions,
  ) {
    internet.attach(address, (packet) => this.fromOutside(packet));
  }

  /** A host's interface is behind this router; `up` leads to it, `down` to the host. */
  attach(address: string, network: Network, up: Link, down: Link): void {
    this.hosts.set(address, { network, down });
    network.defaultRoute(address, [up], (packet) => this.fromInside(packet));
  }

  /** Forgets everything, as after a restart: flows get other ports. */
  restart(): void {
    this.byInside.clear();
    this.byPort.clear();
  }

  private fromInside(packet: Uint8Array): void {
    const ip = this.route(packet);
    if (ip === undefined) return;
    const { protocol, headerBytes, destination } = ip;
    const inside = { address: ip.source, port: word(packet, headerBytes) };
    const to = `${destination} ${word(packet, headerBytes + 2)}`;
    const forward = this.options.forward?.find((own) => own.protocol === protocol && isSame(own.to, inside));
    if (forward !== undefined) {
      this.internet.send(translate(ip, SOURCE_AT, 0, { address: this.address, port: forward.port }));
      return;
    }
    const symmetric = this.options.type === 'symmetric' ? ` ${to}` : '';
    const key = `${protocol} ${inside.address} ${inside.port}${symmetric}`;
    let mapping = this.byInside.get(key);
    if (mapping === undefined || this.isExpired(mapping)) {
      mapping = { inside, port: this.nextPort++, addresses: new Set(), endpoints: new Set(), usedAt: 0 };
      this.byInside.set(key, mapping);
      this.byPort.set(`${protocol} ${mapping.port}`, mapping);
    }
    mapping.usedAt = this.clock.now;
    mapping.addresses.add(destination);
    mapping.endpoints.add(to);
    this.internet.send(translate(ip, SOURCE_AT, 0, { address: this.address, port: mapping.port }));
  }

  private fromOutside(packet: Uint8Array): void {
    const ip = this.route(packet);
    if (ip === undefined) return;
    const { protocol, headerBytes, source } = ip;
    const port = word(packet, headerBytes + 2);
    const forward = this.options.forward?.find((own) => own.protocol === protocol && own.port === port);
    const mapping = this.byPort.get(`${protocol} ${port}`);
    let inside = forward?.to;
    if (inside === undefined) {
      if (mapping === undefined || this.isExpired(mapping)) {
        this.counters.expired++;
        return;
      }
      if (!this.lets(mapping, source, word(packet, headerBytes))) {
        this.counters.filtered++;
        return;
      }
      mapping.usedAt = this.clock.now;
      inside = mapping.inside;
    }
    const host = this.hosts.get(inside.address);
    host?.network.deliver(translate(ip, DESTINATION_AT, 2, inside), [host.down]);
  }

  /** The packet with one router less to go; undefined = it ends here. */
  private route(packet: Uint8Array): IpPacket | undefined {
    const ip = parseIp(packet);
    const { protocol, headerBytes } = ip;
    if (ip.version !== 4) throw new PacketError('this NAT knows IPv4 only');
    if ((protocol !== TCP && protocol !== UDP) || packet[TIME_TO_LIVE_AT]! === 1) return undefined;
    const hasSurplus = protocol === UDP && word(packet, headerBytes + 4) < packet.length - headerBytes;
    if (hasSurplus && this.options.dropsSurplus === true) {
      this.counters.surplus++;
      return undefined;
    }
    return ip;
  }

  private isExpired({ usedAt }: Mapping): boolean {
    return this.clock.now - usedAt > (this.options.lifetime ?? Number.POSITIVE_INFINITY);
  }

  private lets({ addresses, endpoints }: Mapping, address: string, port: number): boolean {
    switch (this.options.type) {
      case 'full-cone':
        return true;
      case 'address-restricted':
        return addresses.has(address);
      default:
        return endpoints.has(`${address} ${port}`);
    }
  }
}

function isSame(one: Endpoint, other: Endpoint): boolean {
  return one.address === other.address && one.port === other.port;
}

/** A copy with another source or destination; checksums follow incrementally (RFC 1624), so what was wrong stays wrong. */
function translate(
  { bytes, headerBytes, protocol }: IpPacket,
  addressAt: number,
  portAt: number,
  to: Endpoint,
): Uint8Array {
  const copy = bytes.slice();
  copy.set(addressBytes(to.address), addressAt);
  putWord(copy, headerBytes + portAt, to.port);
  copy[TIME_TO_LIVE_AT]!--;
  finishIpHeader(copy, headerBytes);
  const checksumAt = headerBytes + (protocol === TCP ? 16 : 6);
  const before = sum(bytes, addressAt, addressAt + 4) + word(bytes, headerBytes + portAt);
  const after = sum(copy, addressAt, addressAt + 4) + to.port;
  let checksum = (~word(bytes, checksumAt) & 0xffff) + 2 * 0xffff - before + after;
  while (checksum > 0xffff) checksum = (checksum & 0xffff) + (checksum >>> 16);
  checksum = ~checksum & 0xffff;
  putWord(copy, checksumAt, checksum === 0 && protocol === UDP ? 0xffff : checksum);
  return copy;
}
