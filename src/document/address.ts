/** IP addresses and networks as documents write them, made canonical (RFC 5952). */
import { isIPv4, isIPv6 } from 'node:net';
import { describe } from './explain.js';
import { Fault, scalar } from './scalar.js';

export interface IpPrefix {
  /** Canonical. */
  readonly address: string;
  readonly family: 4 | 6;
  /** Length of the prefix, bits. */
  readonly prefix: number;
}

const ADDRESS = 'an IP address such as 10.1.0.1 or fd00::1';
const NETWORK = 'a network such as 10.1.0.0/24 or fd00:1::/64';
const INTERFACE = 'an address with its prefix such as 10.1.0.1/24';

/** "10.1.0.1" or "fd00::1", to its canonical text. */
export const ipAddress = scalar(ADDRESS, parseAddress);

/** "10.1.0.0/24": a network, no host bits set. */
export const ipNetwork = scalar(NETWORK, (value) => {
  const result = parsePrefix(value, NETWORK);
  if (result instanceof Fault) return result;
  const network = networkAddress(result);
  if (network === result.address) return result;
  return new Fault(`${describe(value)} has bits set after its prefix; the network is ${network}/${result.prefix}`);
});

/** "10.1.0.1/24": the address of an interface with the prefix of its network. */
export const ipInterface = scalar(INTERFACE, (value) => parsePrefix(value, INTERFACE));

function parseAddress(value: string | number): string | Fault {
  const text = String(value);
  if (isIPv4(text)) return text;
  if (!isIPv6(text)) return new Fault(`${describe(value)} is not ${ADDRESS}`);
  if (text.includes('%')) return new Fault(`${describe(value)} has a zone; write the address alone`);
  const canonical = canonicalIpv6(text);
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(canonical);
  if (!mapped) return canonical;
  const [high, low] = [Number.parseInt(mapped[1] as string, 16), Number.parseInt(mapped[2] as string, 16)];
  const ipv4 = `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  return new Fault(`${describe(value)} is an IPv4 address in IPv6 form; write ${ipv4}`);
}

/** The URL standard prescribes the form of RFC 5952. */
function canonicalIpv6(text: string): string {
  return new URL(`http://[${text}]`).hostname.slice(1, -1);
}

function parsePrefix(value: string | number, what: string): IpPrefix | Fault {
  const [, before = '', after = ''] = /^([^/]*)\/(\d{1,3})$/.exec(String(value)) ?? [];
  if (after === '') return new Fault(`${describe(value)} is not ${what}`);
  const address = parseAddress(before);
  if (address instanceof Fault) return address;
  const family = isIPv4(before) ? 4 : 6;
  const bits = family === 4 ? 32 : 128;
  const prefix = Number(after);
  if (prefix > bits) return new Fault(`${describe(value)} has a prefix of ${prefix} bits; at most ${bits}`);
  return { address, family, prefix };
}

/** The address with all bits after the prefix cleared, canonical. */
function networkAddress({ address, family, prefix }: IpPrefix): string {
  const groups = family === 4 ? address.split('.').map(Number) : groupsOf(address);
  const width = family === 4 ? 8 : 16;
  const masked = groups.map((group, index) => {
    const kept = Math.max(0, Math.min(width, prefix - index * width));
    return group & ~((1 << (width - kept)) - 1);
  });
  if (family === 4) return masked.join('.');
  return canonicalIpv6(masked.map((group) => group.toString(16)).join(':'));
}

/** The eight groups of a canonical IPv6 address. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const parse = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  if (tail === undefined) return parse(head);
  const [first, last] = [parse(head), parse(tail)];
  return [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
}
