/** Arithmetic on IP addresses and networks of both families; addresses are canonical text (RFC 5952) at the border. */
import type { IpPrefix } from '../../src/document/address.js';

/** "10.1.0.1/24". */
export function prefixText({ address, prefix }: IpPrefix): string {
  return `${address}/${prefix}`;
}

/** The network that an interface address belongs to. */
export function networkOf(prefix: IpPrefix): IpPrefix {
  const [first] = range(prefix);
  return { ...prefix, address: fromBits(first, prefix.family) };
}

/** Whether an address lies in a network. */
export function contains(network: IpPrefix, { address, family }: Pick<IpPrefix, 'address' | 'family'>): boolean {
  if (family !== network.family) return false;
  const [first, last] = range(network);
  const bits = toBits(address, family);
  return first <= bits && bits <= last;
}

export function overlap(a: IpPrefix, b: IpPrefix): boolean {
  return a.family === b.family && (contains(a, b) || contains(b, a));
}

export function sameNetwork(a: IpPrefix, b: IpPrefix): boolean {
  return a.family === b.family && a.prefix === b.prefix && networkOf(a).address === networkOf(b).address;
}

/**
 * Addresses that a host may have, from the lowest: not the network's own nor the broadcast address,
 * except in networks of one or two addresses (RFC 3021, RFC 6164).
 */
export function* hostAddresses(network: IpPrefix): Generator<IpPrefix> {
  const [first, last] = usable(network);
  for (let bits = first; bits <= last; bits++) yield { ...network, address: fromBits(bits, network.family) };
}

/** Whether an address of a network is one that a host may have. */
export function isHostAddress(address: IpPrefix): boolean {
  const [first, last] = usable(address);
  const bits = toBits(address.address, address.family);
  return first <= bits && bits <= last;
}

function usable({ address, family, prefix }: IpPrefix): [first: bigint, last: bigint] {
  const [first, last] = range({ address, family, prefix });
  if (last - first < 2n) return [first, last];
  // The lowest address of an IPv6 network is the subnet-router anycast address (RFC 4291); IPv6 knows no broadcast.
  return [first + 1n, family === 4 ? last - 1n : last];
}

function range({ address, family, prefix }: IpPrefix): [first: bigint, last: bigint] {
  const free = BigInt((family === 4 ? 32 : 128) - prefix);
  const first = (toBits(address, family) >> free) << free;
  return [first, first + (1n << free) - 1n];
}

function toBits(address: string, family: 4 | 6): bigint {
  if (family === 4) return address.split('.').reduce((bits, byte) => (bits << 8n) | BigInt(byte), 0n);
  const [head = '', tail = ''] = address.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [before, after] = [groups(head), groups(tail)];
  const zeros = new Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after].reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

function fromBits(bits: bigint, family: 4 | 6): string {
  const [width, count] = family === 4 ? [8, 4] : [16, 8];
  const groups = Array.from({ length: count }, (_, index) => {
    const shift = BigInt((count - 1 - index) * width);
    return Number((bits >> shift) & ((1n << BigInt(width)) - 1n));
  });
  if (family === 4) return groups.join('.');
  // The URL standard prescribes the canonical form of RFC 5952.
  return new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]`).hostname.slice(1, -1);
}
