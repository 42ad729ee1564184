import { dirname, isAbsolute, join } from 'node:path';
import { openDocument, readText } from '../../src/document/document.js';
import type { DocumentProblem } from '../../src/document/error.js';
import type { Parameters } from '../../src/document/parameters.js';
import { checkTopology } from './check.js';
import { topologySchema } from './schema.js';
import type { Direction, Topology } from './topology.js';
import { traceProblem } from './traces.js';

/**
 * Reads a topology file and looks at the traces that it names; `parameters` are those of a scenario's matrix. Throws DocumentError: every
 * problem with file, line and column.
 */
export async function readTopology(file: string, parameters?: Parameters): Promise<Topology> {
  return parse(await readText(file), file, true, parameters);
}

/** `file` is only a name for messages, and what paths of traces are relative to. Throws DocumentError. */
export function parseTopology(text: string, file: string, parameters?: Parameters): Topology {
  return parse(text, file, false, parameters);
}

function parse(text: string, file: string, withTraces: boolean, parameters: Parameters | undefined): Topology {
  const document = openDocument(topologySchema, text, file, parameters);
  const problems: DocumentProblem[] = [];
  const topology = checkTopology(document.value, (path, message, at) => {
    problems.push(document.problemAt(path, message, at));
  });
  document.reject(problems);
  if (withTraces) {
    for (const { path, trace } of traceKeys(document.value.links)) {
      const problem = traceProblem(resolve(file, trace));
      if (problem !== null) problems.push(document.problemAt(path, problem));
    }
    document.reject(problems);
  }
  return {
    ...topology,
    links: topology.links.map((link) => {
      const [there, back] = link.directions;
      return { ...link, directions: [withTracePath(file, there), withTracePath(file, back)] };
    }),
  };
}

/** Every `trace` of the file with its place. */
function traceKeys(links: Readonly<Record<string, unknown>>): { path: string[]; trace: string }[] {
  return Object.entries(links).flatMap(([name, link]) => {
    const entries = Object.entries(link as Record<string, unknown>);
    return entries.flatMap(([key, value]) => {
      const path = ['links', name, key];
      if (key === 'trace') return [{ path, trace: String(value) }];
      const own = key.includes('->') ? (value as { trace?: string }).trace : undefined;
      return own === undefined ? [] : [{ path: [...path, 'trace'], trace: own }];
    });
  });
}

function withTracePath(file: string, direction: Direction): Direction {
  const { emulation } = direction;
  if (emulation === null || emulation.trace === null) return direction;
  return { ...direction, emulation: { ...emulation, trace: resolve(file, emulation.trace) } };
}

/** Traces stand beside the topology. */
function resolve(file: string, trace: string): string {
  return isAbsolute(trace) ? trace : join(dirname(file), trace);
}
