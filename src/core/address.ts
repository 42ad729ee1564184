/** IP addresses as text and as bytes. An IPv4-mapped IPv6 address (::ffff:a.b.c.d) is the IPv4 address everywhere. */
import type { Address } from './io.js';

/** The text is no IP address. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
  readonly code = 'E_ADDRESS';

  constructor(readonly text: string) {
    super(`not an IP address: ${JSON.stringify(text)}`);
  }
}

const DECIMAL_BYTE = /^(?:0|[1-9][0-9]{0,2})$/;
const HEX_GROUP = /^[0-9a-fA-F]{1,4}$/;

/** 4 or 16 bytes in network order. Throws AddressError; zones (fe80::1%eth0), prefixes and leading zeros in IPv4 are errors. */
export function parseAddress(text: string): Uint8Array {
  const bytes = text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  if (bytes === undefined) throw new AddressError(text);
  return isMapped(bytes, 0, bytes.length) ? bytes.slice(12) : Uint8Array.from(bytes);
}

/** Canonical text (RFC 5952) of the 4 or 16 bytes at `at`. */
export function formatAddress(b: ArrayLike<number>, at: number, bytes: number): Address {
  if (bytes === 4) return formatIpv4(b, at);
  if (isMapped(b, at, bytes)) return formatIpv4(b, at + 12);
  return formatIpv6(b, at);
}

/**
 * Whether the 4 or 16 bytes at `at` can be the address of one host anywhere: not multicast, broadcast, loopback, link-local or
 * unspecified. (Subnets' broadcast addresses look ordinary; the route to them says what they are.)
 */
export function isRouted(b: ArrayLike<number>, at: number, bytes: number): boolean {
  const first = b[at];
  if (bytes === 4) return first !== 0 && first !== 127 && first < 224 && !(first === 169 && b[at + 1] === 254);
  const isLinkLocal = first === 0xfe && (b[at + 1] & 0xc0) === 0x80;
  if (first === 0xff || isLinkLocal) return false;
  for (let i = at; i < at + 15; i++) if (b[i] !== 0) return true;
  return b[at + 15] > 1;
}

/** Of a canonical address. */
export function isIpv6(address: Address): boolean {
  return address.includes(':');
}

function isMapped(b: ArrayLike<number>, at: number, bytes: number): boolean {
  if (bytes !== 16 || b[at + 10] !== 0xff || b[at + 11] !== 0xff) return false;
  for (let i = 0; i < 10; i++) if (b[at + i] !== 0) return false;
  return true;
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => DECIMAL_BYTE.test(part) && Number(part) <= 255)) return undefined;
  return Uint8Array.from(parts, Number);
}

function parseIpv6(text: string): Uint8Array | undefined {
  const sides = text.split('::');
  if (sides.length > 2) return undefined;
  // Only the very end of the text may be written as an IPv4 address.
  const head = parseGroups(sides[0], sides.length === 1);
  const tail = sides.length === 2 ? parseGroups(sides[1], true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  // "::" stands for at least one group.
  if (sides.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...tail]);
}

/** Bytes of "a:b:c", possibly none. */
function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [i, group] of groups.entries()) {
    if (HEX_GROUP.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >>> 8, value & 0xff);
      continue;
    }
    const embedded = mayEndInIpv4 && i === groups.length - 1 ? parseIpv4(group) : undefined;
    if (embedded === undefined) return undefined;
    bytes.push(...embedded);
  }
  return bytes;
}

function formatIpv4(b: ArrayLike<number>, at: number): Address {
  return `${b[at]}.${b[at + 1]}.${b[at + 2]}.${b[at + 3]}`;
}

function formatIpv6(b: ArrayLike<number>, at: number): Address {
  const groups = Array.from({ length: 8 }, (_, i) => (b[at + 2 * i] << 8) | b[at + 2 * i + 1]);
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  const gap = longestZeroRun(groups);
  if (gap.length < 2) return hex(groups);
  return `${hex(groups.slice(0, gap.start))}::${hex(groups.slice(gap.start + gap.length))}`;
}

/** The first of the longest runs of zero groups (RFC 5952 section 4.2.3). */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === 0) continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}
