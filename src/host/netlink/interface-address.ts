import { formatAddress, parseAddress } from '../../core/address.js';
import type { Address } from '../../core/io.js';
import { AF_INET, AF_INET6 } from '../syscall/constants.js';
import { type Attribute, Attributes, u32Attribute } from './message.js';
import * as rt from './rtnetlink.js';

export type AddressScope = 'global' | 'site' | 'link' | 'host';

/** An address of an interface. */
export interface InterfaceAddress {
  readonly interfaceIndex: number;
  readonly address: Address;
  /** Length of the subnet's prefix, bits. */
  readonly prefix: number;
  readonly scope: AddressScope;
  /** IPv6: duplicate address detection has not ended, or failed; sockets cannot bind to it. */
  readonly tentative: boolean;
  /** No new session should start from it (preferred lifetime is over). */
  readonly deprecated: boolean;
}

const IFADDRMSG_BYTES = 8;
const ifaddrmsg = { FAMILY: 0, PREFIX: 1, FLAGS: 2, SCOPE: 3, INDEX: 4 } as const;

const SCOPES: ReadonlyMap<number, AddressScope> = new Map([
  [rt.RT_SCOPE_UNIVERSE, 'global'],
  [rt.RT_SCOPE_SITE, 'site'],
  [rt.RT_SCOPE_LINK, 'link'],
  [rt.RT_SCOPE_HOST, 'host'],
]);

export function decodeInterfaceAddress(payload: Buffer): InterfaceAddress | undefined {
  const attributes = new Attributes(payload, IFADDRMSG_BYTES);
  // On a point-to-point interface IFA_ADDRESS is the other end.
  const address = attributes.bytes(rt.IFA_LOCAL) ?? attributes.bytes(rt.IFA_ADDRESS);
  if (address === undefined) return undefined;
  const flags = attributes.u32(rt.IFA_FLAGS) ?? payload.readUInt8(ifaddrmsg.FLAGS);
  return {
    interfaceIndex: payload.readUInt32LE(ifaddrmsg.INDEX),
    address: formatAddress(address, 0, address.length),
    prefix: payload.readUInt8(ifaddrmsg.PREFIX),
    scope: SCOPES.get(payload.readUInt8(ifaddrmsg.SCOPE)) ?? 'global',
    tentative: (flags & (rt.IFA_F_TENTATIVE | rt.IFA_F_DADFAILED)) !== 0,
    deprecated: (flags & rt.IFA_F_DEPRECATED) !== 0,
  };
}

/** Fixed part of RTM_GETADDR for all addresses of all families. */
export function addressDumpHeader(): Buffer {
  return Buffer.alloc(IFADDRMSG_BYTES);
}

/** Fixed part of a request for one address, alone in its subnet. */
export function hostAddressHeader(index: number, address: Address): Buffer {
  const bytes = parseAddress(address);
  const header = Buffer.alloc(IFADDRMSG_BYTES);
  header.writeUInt8(bytes.length === 4 ? AF_INET : AF_INET6, ifaddrmsg.FAMILY);
  header.writeUInt8(bytes.length * 8, ifaddrmsg.PREFIX);
  header.writeUInt32LE(index, ifaddrmsg.INDEX);
  return header;
}

/** No detection of duplicates (it is this host's already), no route to its subnet. */
export function hostAddressAttributes(address: Address): Attribute[] {
  const value = Buffer.from(parseAddress(address));
  return [
    { type: rt.IFA_LOCAL, value },
    { type: rt.IFA_ADDRESS, value },
    u32Attribute(rt.IFA_FLAGS, rt.IFA_F_NODAD | rt.IFA_F_NOPREFIXROUTE),
  ];
}
