/** The traces that a topology names: they stand beside the file that names them. */
import { dirname, isAbsolute, join } from 'node:path';
import type { DocumentPath } from '../../src/document/positions.js';
import type { TopologyDocument } from './schema.js';

export interface NamedTrace {
  /** Its place in the topology. */
  readonly path: DocumentPath;
  readonly file: string;
}

type Links = TopologyDocument['links'];

/** All traces of a topology, and the topology with their paths as they are seen from here. `fileOf` tells the file that names a trace. */
export function findTraces<T extends { readonly links: Links }>(
  document: T,
  fileOf: (path: DocumentPath) => string,
): { value: T; traces: NamedTrace[] } {
  const traces: NamedTrace[] = [];
  const visit = (node: object, path: DocumentPath): object => {
    const entries = Object.entries(node).map(([key, value]: [string, unknown]) => {
      const own = [...path, key];
      if (key.includes('->') && typeof value === 'object' && value !== null) return [key, visit(value, own)];
      if (key !== 'trace' || typeof value !== 'string') return [key, value];
      const file = isAbsolute(value) ? value : join(dirname(fileOf(own)), value);
      traces.push({ path: own, file });
      return [key, file];
    });
    return Object.fromEntries(entries);
  };
  const links = Object.entries(document.links).map(([name, link]) => [name, visit(link, ['links', name])]);
  return { value: { ...document, links: Object.fromEntries(links) }, traces };
}
