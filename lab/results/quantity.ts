/** Quantities that claims compute with: a number in a base unit. */

/** '' is a plain number (a count, a share). */
export type Unit = '' | 'bit/s' | 's' | 'bytes';

export interface Quantity {
  readonly value: number;
  readonly unit: Unit;
}

/** What may stand right behind a number in a claim: 5%, 200ms, 40mbit. Topology files use the same words. */
export const LITERAL_UNITS: Readonly<Record<string, Quantity>> = {
  '%': { value: 0.01, unit: '' },
  us: { value: 1e-6, unit: 's' },
  ms: { value: 1e-3, unit: 's' },
  s: { value: 1, unit: 's' },
  min: { value: 60, unit: 's' },
  bit: { value: 1, unit: 'bit/s' },
  kbit: { value: 1e3, unit: 'bit/s' },
  mbit: { value: 1e6, unit: 'bit/s' },
  gbit: { value: 1e9, unit: 'bit/s' },
  b: { value: 1, unit: 'bytes' },
  kb: { value: 1e3, unit: 'bytes' },
  mb: { value: 1e6, unit: 'bytes' },
};

/** A metric's name ends with its unit; without one of these it is a plain number. */
export const METRIC_SUFFIXES: Readonly<Record<string, Unit>> = { _bps: 'bit/s', _s: 's', _bytes: 'bytes' };

/** Unit of a metric by its name: "download.goodput_bps" is in bit/s. */
export function unitOfMetric(name: string): Unit {
  for (const [suffix, unit] of Object.entries(METRIC_SUFFIXES)) if (name.endsWith(suffix)) return unit;
  return '';
}

/** For people: "55.76 Mbit/s", "0.31 s", "12". */
export function formatQuantity({ value, unit }: Quantity): string {
  switch (unit) {
    case 'bit/s':
      return `${(value / 1e6).toFixed(2)} Mbit/s`;
    case 's':
      return Math.abs(value) < 1 ? `${(value * 1e3).toFixed(1)} ms` : `${value.toFixed(2)} s`;
    case 'bytes':
      return `${value} bytes`;
    case '':
      return Number.isInteger(value) ? String(value) : value.toPrecision(4);
  }
}
