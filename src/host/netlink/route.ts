import { formatAddress, isIpv6, parseAddress } from '../../core/address.js';
import type { Address } from '../../core/io.js';
import { AF_INET, AF_INET6 } from '../syscall/constants.js';
import { type Attribute, Attributes, u32Attribute } from './message.js';
import * as rt from './rtnetlink.js';

/** What happens to packets that a route matches; `other` stands for blackhole, unreachable, prohibit and the like. */
export type RouteType = 'unicast' | 'local' | 'broadcast' | 'multicast' | 'other';

/** A route through an interface, without gateway. */
export interface DeviceRoute {
  readonly destination: Address;
  /** Bits. */
  readonly prefix: number;
  readonly table: number;
  readonly interfaceIndex: number;
  /** Source address of sockets that are not bound to one. */
  readonly source?: Address;
  /** Bytes. */
  readonly mtu?: number;
  /** Whether path MTU discovery may not change the MTU; IPv4 then sends without DF. */
  readonly mtuLocked?: boolean;
  /** Who made it (RTPROT_*, /etc/iproute2/rt_protos). */
  readonly protocol: number;
}

/** A route as the kernel tells it. */
export interface Route {
  readonly type: RouteType;
  readonly destination?: Address;
  readonly prefix: number;
  readonly table: number;
  /** 0 = none (blackhole) or several (multipath). */
  readonly interfaceIndex: number;
  readonly gateway?: Address;
  readonly source?: Address;
  readonly mtu?: number;
  readonly mtuLocked: boolean;
  readonly protocol: number;
}

const RTMSG_BYTES = 12;
const rtmsg = { FAMILY: 0, DESTINATION_BITS: 1, TABLE: 4, PROTOCOL: 5, SCOPE: 6, TYPE: 7, FLAGS: 8 } as const;

const TYPES: ReadonlyMap<number, RouteType> = new Map([
  [rt.RTN_UNICAST, 'unicast'],
  [rt.RTN_LOCAL, 'local'],
  [rt.RTN_BROADCAST, 'broadcast'],
  [rt.RTN_MULTICAST, 'multicast'],
]);

function familyOf(address: Address): number {
  return isIpv6(address) ? AF_INET6 : AF_INET;
}

/** Fixed part of RTM_NEWROUTE and RTM_DELROUTE. The table's number stands in RTA_TABLE, since it may exceed a byte. */
export function routeHeader(route: DeviceRoute): Buffer {
  const fixed = Buffer.alloc(RTMSG_BYTES);
  fixed.writeUInt8(familyOf(route.destination), rtmsg.FAMILY);
  fixed.writeUInt8(route.prefix, rtmsg.DESTINATION_BITS);
  fixed.writeUInt8(route.protocol, rtmsg.PROTOCOL);
  fixed.writeUInt8(rt.RT_SCOPE_LINK, rtmsg.SCOPE);
  fixed.writeUInt8(rt.RTN_UNICAST, rtmsg.TYPE);
  return fixed;
}

export function routeAttributes(route: DeviceRoute): Attribute[] {
  const attributes: Attribute[] = [
    { type: rt.RTA_DST, value: Buffer.from(parseAddress(route.destination)) },
    u32Attribute(rt.RTA_OIF, route.interfaceIndex),
    u32Attribute(rt.RTA_TABLE, route.table),
  ];
  if (route.source !== undefined) {
    attributes.push({ type: rt.RTA_PREFSRC, value: Buffer.from(parseAddress(route.source)) });
  }
  const metrics: Attribute[] = [];
  if (route.mtuLocked) metrics.push(u32Attribute(rt.RTAX_LOCK, 1 << rt.RTAX_MTU));
  if (route.mtu !== undefined) metrics.push(u32Attribute(rt.RTAX_MTU, route.mtu));
  if (metrics.length > 0) attributes.push({ type: rt.RTA_METRICS, value: metrics });
  return attributes;
}

/** Fixed part of RTM_GETROUTE that asks for the route to one destination. */
export function routeQueryHeader(destination: Address): Buffer {
  const fixed = Buffer.alloc(RTMSG_BYTES);
  fixed.writeUInt8(familyOf(destination), rtmsg.FAMILY);
  fixed.writeUInt8(isIpv6(destination) ? 128 : 32, rtmsg.DESTINATION_BITS);
  return fixed;
}

export function routeQueryAttributes(destination: Address, mark: number): Attribute[] {
  const attributes: Attribute[] = [{ type: rt.RTA_DST, value: Buffer.from(parseAddress(destination)) }];
  if (mark !== 0) attributes.push(u32Attribute(rt.RTA_MARK, mark));
  return attributes;
}

/** Fixed part of RTM_GETROUTE for all routes of a family; the kernel filters by protocol where it can. */
export function routeDumpHeader(family: number, protocol: number): Buffer {
  const fixed = Buffer.alloc(RTMSG_BYTES);
  fixed.writeUInt8(family, rtmsg.FAMILY);
  fixed.writeUInt8(protocol, rtmsg.PROTOCOL);
  return fixed;
}

/** A kernel's cache entry (a learned path MTU), not a configured route. */
export function isCached(payload: Buffer): boolean {
  return (payload.readUInt32LE(rtmsg.FLAGS) & rt.RTM_F_CLONED) !== 0;
}

export function decodeRoute(payload: Buffer): Route {
  const attributes = new Attributes(payload, RTMSG_BYTES);
  const text = (bytes: Buffer | undefined) => (bytes === undefined ? undefined : formatAddress(bytes, 0, bytes.length));
  const metrics = attributes.nested(rt.RTA_METRICS);
  const destination = text(attributes.bytes(rt.RTA_DST));
  // RTA_VIA: 16 bits of family, then a gateway of another family than the route's.
  const gateway = text(attributes.bytes(rt.RTA_GATEWAY) ?? attributes.bytes(rt.RTA_VIA)?.subarray(2));
  const source = text(attributes.bytes(rt.RTA_PREFSRC));
  const mtu = metrics?.u32(rt.RTAX_MTU);
  return {
    type: TYPES.get(payload.readUInt8(rtmsg.TYPE)) ?? 'other',
    ...(destination !== undefined && { destination }),
    prefix: payload.readUInt8(rtmsg.DESTINATION_BITS),
    table: attributes.u32(rt.RTA_TABLE) ?? payload.readUInt8(rtmsg.TABLE),
    interfaceIndex: attributes.u32(rt.RTA_OIF) ?? 0,
    ...(gateway !== undefined && { gateway }),
    ...(source !== undefined && { source }),
    ...(mtu !== undefined && { mtu }),
    mtuLocked: ((metrics?.u32(rt.RTAX_LOCK) ?? 0) & (1 << rt.RTAX_MTU)) !== 0,
    protocol: payload.readUInt8(rtmsg.PROTOCOL),
  };
}
