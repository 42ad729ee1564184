/** Values of a rule as documents write them. */
import { formatAddress, parseAddress } from '../../core/address.js';
import type { PacketMatch, Range } from '../../core/routing/rules.js';
import { ipAddress, ipNetwork } from '../../document/address.js';
import { describe, expected } from '../../document/explain.js';
import { Fault, scalar } from '../../document/scalar.js';

type Destination = NonNullable<PacketMatch['destination']>;

const IPV4_BITS = 32;
const IPV6_BITS = 128;
const MAX_DSCP = 63;

/** "10.1.0.1" or "10.1.0.0/24". */
export const destination = scalar('an address or a network such as 10.1.0.1 or 10.1.0.0/24', (value) => {
  const isNetwork = String(value).includes('/');
  const parsed = (isNetwork ? ipNetwork : ipAddress).safeParse(value);
  if (!parsed.success) return new Fault(parsed.error.issues[0]?.message ?? expected('an address', value));
  const network = parsed.data;
  if (typeof network === 'string') return hostNetwork(network);
  return { bytes: parseAddress(network.address), bits: network.prefix };
});

export function destinationText({ bytes, bits }: Destination): string {
  const address = formatAddress(bytes, 0, bytes.length);
  return bits === bytes.length * 8 ? address : `${address}/${bits}`;
}

function hostNetwork(address: string): Destination {
  const bytes = parseAddress(address);
  return { bytes, bits: bytes.length === 4 ? IPV4_BITS : IPV6_BITS };
}

/** One number, "from-to", "from-" or "-to", between `least` and `most`. */
export function range(what: string, least: number, most: number) {
  return scalar(what, (value): Range | Fault => {
    const [, from, dash, to] = /^\s*(\d*)\s*(-?)\s*(\d*)\s*$/.exec(String(value)) ?? [];
    if (dash === undefined || (from === '' && to === '')) return new Fault(`${describe(value)} is not ${what}`);
    return bounds(from ?? '', dash === '' ? (from ?? '') : (to ?? ''), least, most);
  });
}

function bounds(from: string, to: string, least: number, most: number): Range | Fault {
  const parsed = { from: from === '' ? least : Number(from), to: to === '' ? most : Number(to) };
  if (parsed.from < least || parsed.to > most) return new Fault(`must lie between ${least} and ${most}`);
  if (parsed.from > parsed.to) return new Fault(`${parsed.from}-${parsed.to} holds nothing: ${parsed.from} is larger`);
  return parsed;
}

export function rangeText({ from, to }: Range): string {
  return from === to ? String(from) : `${from}-${to}`;
}

/** Names of the classes (RFC 2474, 2597, 3246, 5865, 8622). */
const DSCP_NAMES: ReadonlyMap<string, number> = new Map([
  ...Array.from({ length: 8 }, (_, i): [string, number] => [`cs${i}`, i << 3]),
  ...[1, 2, 3, 4].flatMap((i) => [1, 2, 3].map((drop): [string, number] => [`af${i}${drop}`, (i << 3) | (drop << 1)])),
  ['ef', 46],
  ['va', 44],
  ['le', 1],
  ['be', 0],
]);

/** 0 to 63, or the name of a class. */
export const dscp = scalar(`a DSCP: 0 to ${MAX_DSCP}, or a class such as ef, af41 or cs1`, (value) => {
  const number = DSCP_NAMES.get(String(value).toLowerCase()) ?? (/^\d+$/.test(String(value)) ? Number(value) : -1);
  if (number >= 0 && number <= MAX_DSCP) return number;
  return new Fault(
    `${describe(value)} is not a DSCP: 0 to ${MAX_DSCP}, or one of ${[...DSCP_NAMES.keys()].join(', ')}`,
  );
});

export function dscpText(value: number): string | number {
  for (const [name, number] of DSCP_NAMES) if (number === value) return name;
  return value;
}
