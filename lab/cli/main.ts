#!/usr/bin/env node
/** mpip-lab. Exit status: 0 done and all claims hold, 1 failed, 2 bad input, 3 the machine lacks what is needed. */
import { Command, CommanderError } from 'commander';
import { DocumentError } from '../../src/document/error.js';
import { LabError } from '../error.js';
import { registerCapture } from './capture.js';
import { registerCheck } from './check.js';
import { registerDoctor } from './doctor.js';
import { registerDown } from './down.js';
import { registerExec } from './exec.js';
import { exitStatusOf } from './exit-status.js';
import { registerGraph } from './graph.js';
import { registerImage } from './image.js';
import { registerInspect } from './inspect.js';
import { registerLink } from './link.js';
import { registerList } from './list.js';
import { registerLogs } from './logs.js';
import { registerReport } from './report.js';
import { registerRun } from './run.js';
import { registerSchema } from './schema.js';
import { Interrupted } from './signals.js';
import { registerUp } from './up.js';

const program = new Command('mpip-lab')
  .description('emulated networks for multipath work: topologies, links, experiments')
  .enablePositionalOptions()
  .showHelpAfterError('(--help shows how)')
  .exitOverride();

for (const register of [
  registerUp,
  registerDown,
  registerList,
  registerInspect,
  registerExec,
  registerLink,
  registerLogs,
  registerCapture,
  registerCheck,
  registerSchema,
  registerGraph,
  registerDoctor,
  registerImage,
  registerRun,
  registerReport,
]) {
  register(program);
}
// What is set for the program alone is not handed down to its commands by itself.
for (const command of program.commands) command.copyInheritedSettings(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitStatusOf(error);
  // Commander has said what it has to say.
  if (!(error instanceof CommanderError)) process.stderr.write(`${describe(error)}\n`);
}

function describe(error: unknown): string {
  if (error instanceof DocumentError || error instanceof LabError || error instanceof Interrupted) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
