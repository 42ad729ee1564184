/** struct sockaddr_in and sockaddr_in6 in the arena. */
import { formatAddress, isIpv6, parseAddress } from '../../core/address.js';
import type { Address, Endpoint } from '../../core/io.js';
import { get16, get32, set16 } from '../../core/memory.js';
import { AF_INET, AF_INET6 } from './constants.js';

/** Room for either kind. */
export const SOCKADDR_BYTES = 32;

const IPV4_BYTES = 16;
const IPV6_BYTES = 28;

export function family(address: Address): number {
  return isIpv6(address) ? AF_INET6 : AF_INET;
}

/** Lays the structure out at `at`. Returns its length. Throws AddressError. */
export function writeSocketAddress(b: Uint8Array, at: number, endpoint: Endpoint): number {
  const address = parseAddress(endpoint.address);
  b.fill(0, at, at + SOCKADDR_BYTES);
  b[at] = address.length === 4 ? AF_INET : AF_INET6;
  set16(b, at + 2, endpoint.port);
  b.set(address, address.length === 4 ? at + 4 : at + 8);
  return address.length === 4 ? IPV4_BYTES : IPV6_BYTES;
}

/** Throws RangeError when the family is neither. */
export function readSocketAddress(b: Uint8Array, at: number): Endpoint {
  const kind = b[at] | (b[at + 1] << 8);
  const port = get16(b, at + 2);
  if (kind === AF_INET) return { address: formatAddress(b, at + 4, 4), port };
  if (kind === AF_INET6) return { address: formatAddress(b, at + 8, 16), port };
  throw new RangeError(`socket address of family ${kind}`);
}

/** 32 bits of family, port and address: equal for equal endpoints. */
export function socketAddressHash(b: Uint8Array, at: number): number {
  const isIpv4 = b[at] === AF_INET;
  const from = isIpv4 ? at + 4 : at + 8;
  let hash = get16(b, at + 2) + b[at];
  for (let i = 0; i < (isIpv4 ? 4 : 16); i += 4) hash = Math.imul(hash ^ get32(b, from + i), 0x9e3779b1);
  return hash ^ (hash >>> 15);
}
