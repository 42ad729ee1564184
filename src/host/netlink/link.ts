import { type Attribute, Attributes, u32Attribute } from './message.js';
import * as rt from './rtnetlink.js';

/** A network interface. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** Bytes. */
  readonly mtu: number;
  /** Administratively up. */
  readonly up: boolean;
  /** The layer below works: cable plugged in, peer of a veth up, TUN device opened. */
  readonly carrier: boolean;
  readonly loopback: boolean;
  /** Driver kind of a virtual device ("veth", "tun", "bridge"); empty for hardware and loopback. */
  readonly kind: string;
}

export interface LinkSettings {
  readonly up?: boolean;
  /** Bytes. */
  readonly mtu?: number;
  /** Longest super-packet that the device is given, bytes. */
  readonly gsoMaxSize?: number;
}

const IFINFOMSG_BYTES = 16;
const ifinfomsg = { INDEX: 4, FLAGS: 8, CHANGE: 12 } as const;

export function decodeLink(payload: Buffer): Link {
  const attributes = new Attributes(payload, IFINFOMSG_BYTES);
  const flags = payload.readUInt32LE(ifinfomsg.FLAGS);
  return {
    index: payload.readInt32LE(ifinfomsg.INDEX),
    name: attributes.text(rt.IFLA_IFNAME) ?? '',
    mtu: attributes.u32(rt.IFLA_MTU) ?? 0,
    up: (flags & rt.IFF_UP) !== 0,
    carrier: (flags & rt.IFF_LOWER_UP) !== 0,
    loopback: (flags & rt.IFF_LOOPBACK) !== 0,
    kind: attributes.nested(rt.IFLA_LINKINFO)?.text(rt.IFLA_INFO_KIND) ?? '',
  };
}

/** Fixed part of RTM_NEWLINK for a change of settings. */
export function linkHeader(index: number, up?: boolean): Buffer {
  const fixed = Buffer.alloc(IFINFOMSG_BYTES);
  fixed.writeInt32LE(index, ifinfomsg.INDEX);
  if (up !== undefined) {
    fixed.writeUInt32LE(up ? rt.IFF_UP : 0, ifinfomsg.FLAGS);
    fixed.writeUInt32LE(rt.IFF_UP, ifinfomsg.CHANGE);
  }
  return fixed;
}

export function linkAttributes({ mtu, gsoMaxSize }: LinkSettings): Attribute[] {
  const attributes: Attribute[] = [];
  if (mtu !== undefined) attributes.push(u32Attribute(rt.IFLA_MTU, mtu));
  if (gsoMaxSize !== undefined) attributes.push(u32Attribute(rt.IFLA_GSO_MAX_SIZE, gsoMaxSize));
  return attributes;
}

/** Fixed part and attributes of RTM_GETLINK for all links, without their counters. */
export function linkDump(): { fixed: Buffer; attributes: Attribute[] } {
  return {
    fixed: Buffer.alloc(IFINFOMSG_BYTES),
    attributes: [u32Attribute(rt.IFLA_EXT_MASK, rt.RTEXT_FILTER_SKIP_STATS)],
  };
}
