#!/usr/bin/env node
/** mpip-lab. Exit status: 0 done and all claims hold, 1 failed, 2 bad input, 3 the machine lacks what is needed. */
import { Command, CommanderError } from 'commander';
import { DocumentError } from '../../src/document/error.js';
import { LabError } from '../error.js';
import { packageVersion } from '../package-root.js';
import { exitStatusOf } from './exit-status.js';
import { Interrupted } from './signals.js';

type Register = (program: Command) => void;

/** In the order of the help. A command's modules are loaded when it is called: those of figures alone take longer than most commands. */
const COMMANDS: Readonly<Record<string, () => Promise<Register>>> = {
  up: async () => (await import('./up.js')).registerUp,
  down: async () => (await import('./down.js')).registerDown,
  list: async () => (await import('./list.js')).registerList,
  inspect: async () => (await import('./inspect.js')).registerInspect,
  exec: async () => (await import('./exec.js')).registerExec,
  link: async () => (await import('./link.js')).registerLink,
  logs: async () => (await import('./logs.js')).registerLogs,
  capture: async () => (await import('./capture.js')).registerCapture,
  check: async () => (await import('./check.js')).registerCheck,
  schema: async () => (await import('./schema.js')).registerSchema,
  graph: async () => (await import('./graph.js')).registerGraph,
  doctor: async () => (await import('./doctor.js')).registerDoctor,
  image: async () => (await import('./image.js')).registerImage,
  run: async () => (await import('./run.js')).registerRun,
  report: async () => (await import('./report.js')).registerReport,
};
/** Words that a command has besides its name. */
const ALSO: Readonly<Record<string, string>> = { ls: 'list', shell: 'exec' };

// Who reads the output may go (`| head`); what a command has begun it brings to its end.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const program = new Command('mpip-lab')
  .description('emulated networks for multipath work: topologies, links, experiments')
  .version(packageVersion())
  .enablePositionalOptions()
  .showHelpAfterError('(--help shows how)')
  .exitOverride();

const [word = ''] = process.argv.slice(2);
const named = COMMANDS[ALSO[word] ?? word];
// All of them for a help, and to say what there is.
const all = /^(-V|--version)$/.test(word) ? [] : Object.values(COMMANDS);
const wanted = named === undefined ? all : [named];
for (const register of await Promise.all(wanted.map((load) => load()))) register(program);
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
