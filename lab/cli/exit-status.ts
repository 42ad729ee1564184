import { CommanderError } from 'commander';
import { DocumentError } from '../../src/document/error.js';
import { LabError, LabMachineError } from '../error.js';
import { Interrupted } from './signals.js';

const EXIT_OK = 0;
/** A claim does not hold, or something went wrong that is nobody's input. */
export const EXIT_FAILED = 1;
export const EXIT_BAD_INPUT = 2;
/** The machine lacks what is needed. */
export const EXIT_MACHINE = 3;
/** As shells do: 128 and the number of the signal. */
const EXIT_SIGNAL = 128;

/** What the caller named does not exist, exists already, or makes no sense. */
const BAD_INPUT: ReadonlySet<string> = new Set([
  'E_LAB_EXISTS',
  'E_LAB_LINK',
  'E_LAB_NAME',
  'E_LAB_NAME_TAKEN',
  'E_LAB_RESULTS',
  'E_LAB_SCENARIO',
  'E_LAB_UNKNOWN',
  'E_LAB_UNKNOWN_ARM',
  'E_LAB_UNKNOWN_EXPERIMENT',
]);

export function exitStatusOf(error: unknown): number {
  if (error instanceof Interrupted) return EXIT_SIGNAL + error.number;
  if (error instanceof DocumentError) return EXIT_BAD_INPUT;
  if (error instanceof LabMachineError) return EXIT_MACHINE;
  if (error instanceof LabError) return BAD_INPUT.has(error.code) ? EXIT_BAD_INPUT : EXIT_FAILED;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_BAD_INPUT;
  return EXIT_FAILED;
}
