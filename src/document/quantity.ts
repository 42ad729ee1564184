/** Quantities with units as documents write them. Each is parsed to one base unit; 0 needs no unit. */
import { describe } from './explain.js';
import { Fault, scalar } from './scalar.js';

interface Quantity {
  /** "a duration such as 5ms". */
  readonly what: string;
  /** Base units in one unit; names in lower case. */
  readonly units: Readonly<Record<string, number>>;
  /** Whether the result must be a whole number of base units. */
  readonly whole: boolean;
  readonly maximum?: number;
  /** Units that people mean something else by, with what to write. */
  readonly hints?: Readonly<Record<string, string>>;
}

const DURATION: Quantity = {
  what: 'a duration such as 5ms, 20s or 1m',
  units: { us: 1, ms: 1e3, s: 1e6, m: 60e6, min: 60e6, h: 3600e6 },
  whole: true,
};

const RATE: Quantity = {
  what: 'a rate such as 500kbit, 40mbit or 1gbit',
  units: { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9, tbit: 1e12 },
  whole: true,
  hints: {
    bps: 'bps is bits for some and bytes for others: write bit',
    kbps: 'kbps is bits for some and bytes for others: write kbit',
    mbps: 'mbps is bits for some and bytes for others: write mbit',
    gbps: 'gbps is bits for some and bytes for others: write gbit',
    k: 'write kbit',
    m: 'write mbit',
    g: 'write gbit',
  },
};

const SIZE: Quantity = {
  what: 'a size such as 1500b, 16kb (1000 bytes) or 64kib (1024 bytes)',
  units: {
    b: 1,
    byte: 1,
    bytes: 1,
    kb: 1e3,
    mb: 1e6,
    gb: 1e9,
    kib: 2 ** 10,
    mib: 2 ** 20,
    gib: 2 ** 30,
  },
  whole: true,
};

const PERCENT: Quantity = {
  what: 'a share such as 0.1%',
  units: { '%': 0.01 },
  whole: false,
  maximum: 1,
};

const FORM = /^(\d+(?:\.\d+)?)\s*(\p{L}+|%)(?:\/s)?$/u;

/** "5ms", "20s", "1m" to whole microseconds. */
export const duration = quantity(DURATION);
/** "40mbit", "1gbit" (powers of 1000) to bit/s. */
export const rate = quantity(RATE);
/** "16kb" (powers of 1000), "100kib" (powers of 1024) to bytes. */
export const size = quantity(SIZE);
/** "0.1%" to a fraction of 1. */
export const percent = quantity(PERCENT);

function quantity(kind: Quantity) {
  return scalar(kind.what, (value) => parse(kind, value));
}

/** The quantity in base units, or what is wrong with it. */
function parse(kind: Quantity, value: string | number): number | Fault {
  if (value === 0 || value === '0') return 0;
  const wrong = `${describe(value)} is not ${kind.what}`;
  const units = Object.keys(kind.units).join(', ');
  if (typeof value === 'number') {
    return new Fault(
      value < 0 ? `${value} is negative` : `${value} has no unit; expected ${kind.what} (units: ${units})`,
    );
  }
  if (/^-\d/.test(value.trim())) return new Fault(`${describe(value)} is negative`);
  const [, digits, unit] = FORM.exec(value.trim()) ?? [];
  if (digits === undefined || unit === undefined) return new Fault(`${wrong} (units: ${units})`);
  const factor = kind.units[unit.toLowerCase()];
  if (factor === undefined) {
    const hint = kind.hints?.[unit.toLowerCase()];
    return new Fault(`${wrong}: ${hint ?? `unknown unit ${JSON.stringify(unit)} (units: ${units})`}`);
  }
  const amount = Number(digits) * factor;
  const result = kind.whole ? Math.round(amount) : amount;
  if (kind.whole && !Number.isSafeInteger(result)) return new Fault(`${describe(value)} is too large`);
  if (kind.maximum !== undefined && result > kind.maximum) return new Fault(`${describe(value)} is more than 100%`);
  return result;
}
