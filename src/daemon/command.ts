import { Command, CommanderError, Option } from 'commander';
import type { LogLevel } from '../core/io.js';
import { DocumentError } from '../document/error.js';
import { type DaemonConfig, parseDaemonConfig, readDaemonConfig } from './config.js';
import { Daemon, type StartDataPlane } from './daemon.js';
import { checkRequirements, RequirementError } from './requirements.js';
import { packageVersion } from './version.js';

const LOG_LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];
/** Undoing what was changed on the host takes milliseconds; a daemon that does not manage is killed by its own hand. */
const CLOSE_TIMEOUT_MS = 10_000;

/** 0: ended by a signal; 1: failed; 2: wrong usage or configuration; 3: the machine lacks what is needed. */
export type ExitCode = 0 | 1 | 2 | 3;

interface Options {
  readonly config?: string;
  readonly check?: true;
  readonly logLevel?: LogLevel;
}

function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

/** mpipd from its arguments (without the program's name) to its end. Only wrong usage, results of --check and start-up errors are printed; the rest is logged. */
export async function runDaemon(args: readonly string[], startDataPlane: StartDataPlane): Promise<ExitCode> {
  // Who reads the log may go; what mpipd changed on the host must be undone all the same.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreBrokenPipe);
  let exitCode: ExitCode = 0;
  const program = new Command('mpipd')
    .description('Multipath IP: lets TCP and UDP sessions with hosts that also run mpipd use all paths at once.')
    .version(packageVersion())
    .option('--config <file>', 'configuration (YAML; all defaults without one)')
    .option('--check', 'check the configuration and exit')
    .addOption(new Option('--log-level <level>', 'in place of log.level').choices(LOG_LEVELS))
    .allowExcessArguments(false)
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit status: 0 stopped by a signal, 1 failed, 2 wrong usage or configuration, 3 the machine lacks something.',
    )
    .action(async (options: Options) => {
      exitCode = options.check ? await check(options) : await serve(options, startDataPlane);
    });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    process.stderr.write(`${error instanceof DocumentError ? '' : 'mpipd: '}${(error as Error).message}\n`);
    if (error instanceof DocumentError) return 2;
    return error instanceof RequirementError ? 3 : 1;
  }
}

async function check(options: Options): Promise<ExitCode> {
  await configure(options);
  process.stdout.write(`${options.config ?? 'the default configuration'}: ok\n`);
  return 0;
}

async function configure({ config: file, logLevel }: Options): Promise<DaemonConfig> {
  const config = file === undefined ? parseDaemonConfig('', 'defaults') : await readDaemonConfig(file);
  return logLevel ? { ...config, log: { ...config.log, level: logLevel } } : config;
}

async function serve(options: Options, startDataPlane: StartDataPlane): Promise<ExitCode> {
  const config = await configure(options);
  await checkRequirements();
  // From here on a signal must not end the process before everything is undone.
  const signals = new StopSignals();
  const daemon = await Daemon.start(config, startDataPlane);
  const reload = (): void => void reloadConfig(daemon, options);
  process.on('SIGHUP', reload);
  try {
    const end = await Promise.race([signals.received, daemon.failure, crash()]);
    if (typeof end === 'string') daemon.log('info', 'stopping', { signal: end });
    else daemon.log('error', 'stopping after a failure', { error: end });
    exitAfter(CLOSE_TIMEOUT_MS);
    await daemon.close();
    return typeof end === 'string' ? 0 : 1;
  } finally {
    process.off('SIGHUP', reload);
  }
}

/** SIGHUP: level and rules as the file has them now, and a new log file. A file that has become wrong changes nothing. */
async function reloadConfig(daemon: Daemon, options: Options): Promise<void> {
  daemon.reopenLog();
  try {
    const { log, node } = await configure(options);
    daemon.setLogLevel(log.level);
    daemon.log('info', 'configuration read again', { level: log.level });
    // Without a file there is nothing that rules given at run time could go back to.
    if (options.config !== undefined) await daemon.setRules(node.rules);
  } catch (error) {
    daemon.log('error', 'the configuration is wrong and was not read again', { error });
  }
}

/** SIGTERM and SIGINT. The first one asks, the second one insists. */
class StopSignals {
  readonly received: Promise<NodeJS.Signals>;

  constructor() {
    this.received = new Promise((resolve) => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        let asked = false;
        process.on(signal, () => {
          if (asked) process.exit(1);
          asked = true;
          resolve(signal);
        });
      }
    });
  }
}

/** A mistake in this program: what it changed on the host must be undone all the same. */
function crash(): Promise<Error> {
  return new Promise((resolve) => {
    process.on('uncaughtException', resolve);
    process.on('unhandledRejection', (reason) => resolve(reason instanceof Error ? reason : new Error(String(reason))));
  });
}

function exitAfter(milliseconds: number): void {
  setTimeout(() => process.exit(1), milliseconds).unref();
}
