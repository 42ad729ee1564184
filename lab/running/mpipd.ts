/** mpipd on one host of a running lab. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { ControlClient, ControlError, controlSocketPath, type DaemonStatus } from '../../src/daemon/api.js';
import { LabError } from '../error.js';
import type { PlannedMpip } from '../plan/plan.js';
import { isAlive } from '../record/identity.js';
import type { RecordedProcess } from '../record/record.js';
import { builtProgram, requireBuilt } from './built.js';
import { waitUntil } from './wait.js';

/** Long for an emulated processor; one that ends while it starts is told at once. */
const START_TIMEOUT_MS = 60_000;
const END_TIMEOUT_MS = 5000;
const LOG_LINES_SHOWN = 12;

export interface MpipDaemon {
  readonly configFile: string;
  readonly logFile: string;
  /** Of mpipd's control; also for `mpipctl`. */
  readonly socketPath: string;
  /** undefined while it does not run. */
  readonly pid: number | undefined;
  /** A connection of its own, for `watch` and the like; the caller closes it. Throws ControlError. */
  connect(): Promise<ControlClient>;
  /** Over a connection that is kept. Throws ControlError. */
  status(): Promise<DaemonStatus>;
  /** Starts it, or ends and starts it; resolves when it answers. Throws LabError. */
  restart(): Promise<void>;
  /** Resolves when it has ended, for signals that end a process; throws LabError (E_LAB_MPIPD) when it does not. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** What the daemon needs of its node. */
export interface MpipdHost {
  readonly name: string;
  /** Holds its files. */
  readonly directory: string;
  /** Starts a process with its output appended to a file. */
  start(command: readonly string[], logFile: string): Promise<void>;
  /** The process of this node that runs a program, whoever started it. */
  running(program: string): RecordedProcess | undefined;
}

export class Mpipd implements MpipDaemon, AsyncDisposable {
  readonly configFile: string;
  readonly logFile: string;
  readonly socketPath: string;
  #client: Promise<ControlClient> | undefined;

  constructor(
    private readonly host: MpipdHost,
    private readonly planned: PlannedMpip,
  ) {
    this.configFile = mpipdConfigFile(host.directory);
    this.logFile = join(host.directory, 'mpipd.log');
    this.socketPath = controlSocketPath(stateOf(host.directory));
  }

  get pid(): number | undefined {
    return this.#running()?.pid;
  }

  connect(): Promise<ControlClient> {
    return ControlClient.connect(this.socketPath);
  }

  async status(): Promise<DaemonStatus> {
    const kept = this.#client !== undefined;
    try {
      return await this.#ask();
    } catch (error) {
      // The connection may be one to a daemon that somebody else has restarted since.
      if (!kept || !(error instanceof ControlError) || error.code !== 'E_DISCONNECTED') throw error;
      return await this.#ask();
    }
  }

  async restart(): Promise<void> {
    if (this.pid !== undefined) await this.kill('SIGTERM');
    await this.start();
    await this.answers();
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const running = this.#running();
    if (running === undefined) return;
    process.kill(running.pid, signal);
    if (!ENDING.has(signal)) return;
    const alive = await waitUntil(async () => (isAlive(running) ? 'it still runs' : null), END_TIMEOUT_MS);
    await this.#disconnect();
    if (alive !== null) throw this.#failure(`mpipd did not end within ${END_TIMEOUT_MS} ms after ${signal}`);
  }

  /** Writes the configuration and starts the daemon; `answers` waits for it. */
  async start(): Promise<void> {
    writeFileSync(this.configFile, mpipdConfigText(this.host.directory, this.planned), { mode: 0o600 });
    await this.#disconnect();
    await this.host.start(mpipdCommand(this.host.directory), this.logFile);
  }

  /** Throws LabError (E_LAB_MPIPD) with the end of its log. */
  async answers(signal?: AbortSignal): Promise<void> {
    const missing = await waitUntil(
      async () => {
        if (this.pid === undefined) throw this.#failure('mpipd ended while it started');
        try {
          await this.status();
          return null;
        } catch (error) {
          if (error instanceof ControlError) return error.message;
          throw error;
        }
      },
      START_TIMEOUT_MS,
      signal,
    );
    if (missing !== null) throw this.#failure(`mpipd did not start within ${START_TIMEOUT_MS} ms: ${missing}`);
  }

  /** The end of the log, for error messages. */
  logTail(): string {
    if (!existsSync(this.logFile)) return '';
    const lines = readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-LOG_LINES_SHOWN);
    return lines.map((line) => `  ${this.host.name} | ${line}`).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disconnect();
  }

  async #ask(): Promise<DaemonStatus> {
    this.#client ??= this.connect();
    try {
      return await (await this.#client).status();
    } catch (error) {
      await this.#disconnect();
      throw error;
    }
  }

  #running(): RecordedProcess | undefined {
    return this.host.running(daemonProgram());
  }

  async #disconnect(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined) return;
    try {
      await (await client).close();
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
    }
  }

  #failure(what: string): LabError {
    return new LabError('E_LAB_MPIPD', [`${this.host.name}: ${what}`, this.logTail()].filter(Boolean).join('\n'));
  }
}

const ENDING: ReadonlySet<NodeJS.Signals> = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGABRT', 'SIGSEGV']);

/** `directory` holds the files of the node. */
export function mpipdConfigFile(directory: string): string {
  return join(directory, 'mpipd.yaml');
}

/** What its configuration file says. */
export function mpipdConfigText(directory: string, { settings, peers }: PlannedMpip): string {
  return stringify({ peers, ...settings, state: stateOf(directory), 'node-id-file': join(directory, 'node-id') });
}

export function mpipdCommand(directory: string): string[] {
  return [process.execPath, daemonProgram(), '--config', mpipdConfigFile(directory)];
}

function stateOf(directory: string): string {
  return join(directory, 'mpipd');
}

function daemonProgram(): string {
  return builtProgram('src', 'daemon', 'main.js');
}

/** Throws LabError (E_LAB_NOT_BUILT). */
export function requireDaemon(): void {
  requireBuilt(daemonProgram());
}
