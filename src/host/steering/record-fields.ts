/**
 * Reads what a record's JSON holds, field by field. By hand, since the data plane's thread reads it at each start: a schema library would be
 * a quarter of the time that the thread takes to start.
 */

/** Gives a value its type. Throws TypeError when it is something else. */
export type Read<T> = (value: unknown) => T;

/** A map with exactly these keys. */
export function fields<T>(readers: { readonly [K in keyof T]: Read<T[K]> }): Read<T> {
  const keys = Object.keys(readers) as (keyof T & string)[];
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('expected a map');
    const unknown = Object.keys(value).find((key) => !(key in readers));
    if (unknown !== undefined) throw new TypeError(`unknown key ${JSON.stringify(unknown)}`);
    const entries = keys.map((key) => [key, within(key, readers[key], (value as Record<string, unknown>)[key])]);
    return Object.fromEntries(entries) as T;
  };
}

export function list<T>(read: Read<T>): Read<T[]> {
  return (value) => {
    if (!Array.isArray(value)) throw new TypeError('expected a list');
    return value.map((item, index) => within(String(index), read, item));
  };
}

export function oneOf<const T extends string | number>(...allowed: readonly T[]): Read<T> {
  return (value) => {
    const found = allowed.find((own) => own === value);
    if (found === undefined) throw new TypeError(`expected ${allowed.join(' or ')}`);
    return found;
  };
}

export const integer: Read<number> = (value) => {
  if (!Number.isSafeInteger(value)) throw new TypeError('expected a whole number');
  return value as number;
};

export const text: Read<string> = (value) => {
  if (typeof value !== 'string') throw new TypeError('expected text');
  return value;
};

export const truth: Read<boolean> = (value) => {
  if (typeof value !== 'boolean') throw new TypeError('expected true or false');
  return value;
};

function within<T>(key: string, read: Read<T>, value: unknown): T {
  try {
    return read(value);
  } catch (cause) {
    throw new TypeError(`${key}: ${(cause as Error).message}`, { cause });
  }
}
