import { writeFileSync } from 'node:fs';
import type { Netlink } from '../../host/netlink/netlink.js';

/**
 * A full super-packet of 64 KB plus the wrapper's bytes in each segment would not fit into a UDP message of 65,507 bytes
 * (measured: 61,000 does).
 */
const GSO_MAX_BYTES = 61_000;
/** The device is never narrower than this; what a destination may really take is its route's MTU. */
const MIN_MTU = 1500;
/** IN6_ADDR_GEN_MODE_NONE: without an address of its own the kernel sends no router solicitations into the device. */
const NO_ADDRESS_GENERATION = '1\n';

/** The TUN device as an interface of this host. */
export class TunLink {
  private mtu = 0;

  private constructor(
    private readonly netlink: Netlink,
    readonly index: number,
  ) {}

  /** Brings the device up. Throws NetlinkError. */
  static bringUp(netlink: Netlink, name: string): TunLink {
    const link = netlink.links().find((candidate) => candidate.name === name);
    if (link === undefined) throw new Error(`the TUN device ${name} has gone`);
    withoutOwnIpv6Address(name);
    const tunLink = new TunLink(netlink, link.index);
    tunLink.carry([]);
    netlink.setLink(link.index, { up: true, gsoMaxSize: GSO_MAX_BYTES });
    return tunLink;
  }

  /** Makes the device as wide as the widest of the interfaces under it, MTUs in bytes. */
  carry(mtus: readonly number[]): void {
    const mtu = Math.max(MIN_MTU, ...mtus);
    if (mtu === this.mtu) return;
    this.netlink.setLink(this.index, { mtu });
    this.mtu = mtu;
  }
}

function withoutOwnIpv6Address(name: string): void {
  try {
    writeFileSync(`/proc/sys/net/ipv6/conf/${name}/addr_gen_mode`, NO_ADDRESS_GENERATION);
  } catch {
    // No IPv6, or /proc/sys may only be read: the solicitations are noise, no harm.
  }
}
