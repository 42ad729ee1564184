/** Tells scenarios from topologies by their first keys, whether or not the rest is right. */
import { z } from 'zod';
import { openDocument } from '../../src/document/document.js';

const OF_SCENARIOS = ['topology', 'workloads', 'arms', 'events', 'claims', 'matrix'];

/** Throws DocumentError when the text is no YAML. */
export function kindOfDocument(text: string, file: string): 'scenario' | 'topology' {
  const keys = Object.keys(openDocument(z.looseObject({}), text, file).value);
  return keys.some((key) => OF_SCENARIOS.includes(key)) ? 'scenario' : 'topology';
}
