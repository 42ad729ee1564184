/** What the configuration says of paths: how they are called, and which of them cost money or are kept in reserve. */
import { matchesAny } from '../interface-pattern.js';
import type { Address } from '../io.js';

/** A statement about the paths that fit all that it names. */
export interface PathDescription {
  /** What rules call such paths. */
  readonly name?: string;
  /** Names of local interfaces, `*` and `?` as in a shell. */
  readonly interfaces?: readonly string[];
  /** Local or remote addresses. */
  readonly addresses?: readonly Address[];
  readonly metered: boolean;
  readonly backup: boolean;
}

/** The properties that two nodes tell each other about a path: either end may know of them. */
export const PathTrait = {
  /** What it carries is paid for. */
  METERED: 0x01,
  /** To be used only while there is no other. */
  BACKUP: 0x02,
} as const;

export interface PathTraits {
  readonly names: readonly string[];
  /** PathTrait bits. */
  readonly bits: number;
}

export const NO_TRAITS: PathTraits = { names: [], bits: 0 };

/** What all descriptions together say of a path. */
export function traitsOf(
  descriptions: readonly PathDescription[],
  interfaceName: string,
  local: Address,
  remote: Address,
): PathTraits {
  const fitting = descriptions.filter(
    ({ interfaces, addresses }) =>
      (interfaces === undefined || matchesAny(interfaces, interfaceName)) &&
      (addresses === undefined || addresses.includes(local) || addresses.includes(remote)),
  );
  if (fitting.length === 0) return NO_TRAITS;
  return {
    names: fitting.flatMap(({ name }) => name ?? []),
    bits: fitting.reduce((bits, description) => bits | bitsOf(description), 0),
  };
}

function bitsOf({ metered, backup }: PathDescription): number {
  return (metered ? PathTrait.METERED : 0) | (backup ? PathTrait.BACKUP : 0);
}
