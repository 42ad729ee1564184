import { openDocument, readText } from '../../src/document/document.js';
import type { DocumentProblem } from '../../src/document/error.js';
import type { Parameters } from '../../src/document/parameters.js';
import { checkTopology } from './check.js';
import { topologySchema } from './schema.js';
import type { Topology } from './topology.js';

/** Reads a topology file; `parameters` are those of a scenario's matrix. Throws DocumentError: every problem with file, line and column. */
export async function readTopology(file: string, parameters?: Parameters): Promise<Topology> {
  return parseTopology(await readText(file), file, parameters);
}

/** `file` is only a name for messages. Throws DocumentError. */
export function parseTopology(text: string, file: string, parameters?: Parameters): Topology {
  const document = openDocument(topologySchema, text, file, parameters);
  const problems: DocumentProblem[] = [];
  const topology = checkTopology(document.value, (path, message, at) => {
    problems.push(document.problemAt(path, message, at));
  });
  document.reject(problems);
  return topology;
}
