/** The trace files that topologies name. */
import { readFileSync } from 'node:fs';
import type { Trace } from '../emulation/trace.js';
import { parseTrace, TraceError } from '../emulation/trace-file.js';
import { LabError } from '../error.js';

/** Throws LabError (E_LAB_TRACE). */
export function readTrace(file: string): Trace {
  try {
    return parseTrace(readFileSync(file, 'utf8'));
  } catch (error) {
    const reason = error instanceof TraceError ? error.message : unreadable(error);
    throw new LabError('E_LAB_TRACE', `trace ${file}: ${reason}`, { cause: error });
  }
}

/** What is wrong with a trace file; null when nothing is. */
export function traceProblem(file: string): string | null {
  try {
    readTrace(file);
    return null;
  } catch (error) {
    if (error instanceof LabError) return error.message;
    throw error;
  }
}

function unreadable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' ? 'there is no such file' : message;
}
