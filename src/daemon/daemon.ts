import type { NodeConfig } from '../core/config.js';
import type { LogLevel } from '../core/io.js';
import type { RoutingRule } from '../core/routing/rules.js';
import type { NodeStatus } from '../core/status.js';
import { type DaemonConfig, type InterfaceFilter, readSecret } from './config.js';
import { controlSocketPath, type DaemonStatus } from './control/protocol.js';
import { ControlServer } from './control/server.js';
import { type Log, openLog } from './log.js';
import { loadNodeId } from './node-id.js';
import { listRules, newRules, type RuleListing, withoutRule, withRule } from './rules/table.js';
import { StateLock } from './state-lock.js';
import { packageVersion } from './version.js';

export interface DataPlaneOptions {
  readonly nodeConfig: NodeConfig;
  readonly tunName: string;
  readonly mark: number;
  readonly table: number;
  readonly rulePriority: number;
  readonly stateDirectory: string;
  readonly interfaces: InterfaceFilter;
  readonly logLevel: LogLevel;
}

/** What the daemon needs of the data plane. */
export interface RunningDataPlane extends AsyncDisposable {
  status(): Promise<NodeStatus & { readonly io: Readonly<Record<string, number>> }>;
  /** Resolves when packets take them. */
  setRules(rules: readonly RoutingRule[]): Promise<void>;
  setLogLevel(level: LogLevel): void;
  onLog(listener: (level: LogLevel, event: string, fields: Record<string, unknown>) => void): void;
  /** Called at most once, when it stopped by itself. */
  onFailure(listener: (error: Error) => void): void;
}

export type StartDataPlane = (options: DataPlaneOptions) => Promise<RunningDataPlane>;

/** The state directory answers, but the data plane is not there yet or no more. */
class NotReadyError extends Error {
  readonly code = 'E_NOT_READY';
  override readonly name = 'NotReadyError';
}

/** A running mpipd within this process. Closing undoes all that it changed on the host. */
export class Daemon implements AsyncDisposable {
  readonly #config: DaemonConfig;
  readonly #log: Log;
  readonly #startedAt = performance.now();
  readonly #version = packageVersion();
  #lock: StateLock | undefined;
  #control: ControlServer | undefined;
  #dataPlane: RunningDataPlane | undefined;
  #rules: readonly RoutingRule[];
  #asked: Promise<DaemonStatus> | undefined;
  #closed: Promise<void> | undefined;
  #reportFailure: (error: Error) => void = () => {};
  /** Resolves when the data plane stopped by itself; the daemon is of no use then and must be closed. */
  readonly failure = new Promise<Error>((resolve) => {
    this.#reportFailure = resolve;
  });

  private constructor(config: DaemonConfig, log: Log) {
    this.#config = config;
    this.#log = log;
    this.#rules = config.node.rules;
  }

  /**
   * Throws LogError, SecretError, NodeIdError, AlreadyRunningError, StateDirectoryError, ControlServerError and what the data plane throws; nothing is left
   * behind then.
   */
  static async start(config: DaemonConfig, startDataPlane: StartDataPlane): Promise<Daemon> {
    const daemon = new Daemon(config, await openLog(config.log));
    try {
      await daemon.#start(startDataPlane);
      return daemon;
    } catch (error) {
      daemon.#log.log('error', 'mpipd could not start', { error });
      await daemon.close();
      throw error;
    }
  }

  log(level: LogLevel, event: string, fields?: Record<string, unknown>): void {
    this.#log.log(level, event, fields);
  }

  setLogLevel(level: LogLevel): void {
    this.#log.level = level;
    this.#dataPlane?.setLogLevel(level);
  }

  /** In place of all rules that there are; no packet is lost or waits. Throws NotReadyError, DataPlaneError. */
  async setRules(rules: readonly RoutingRule[]): Promise<void> {
    const dataPlane = this.#running();
    // Before anything is awaited, so that the next change builds on this one.
    this.#rules = rules;
    await dataPlane.setRules(rules);
    this.#log.log('info', 'rules set', { rules: rules.map(({ name }) => name) });
  }

  /** After the log file was moved away. */
  reopenLog(): void {
    this.#log.reopen();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#closed ??= this.#stop();
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #start(startDataPlane: StartDataPlane): Promise<void> {
    const config = this.#config;
    const secret = await readSecret(config);
    const nodeId = await loadNodeId(config.nodeIdFile);
    // The lock comes first: it keeps a second daemon from undoing the routes of the first.
    this.#lock = StateLock.acquire(config.stateDirectory);
    this.#control = await ControlServer.start(controlSocketPath(config.stateDirectory), {
      status: () => this.#status(),
      rules: () => this.#listRules(),
      addRule: async (rule, before) => this.#changeRules(withRule(this.#rules, rule, before)),
      removeRule: async (name) => this.#changeRules(withoutRule(this.#rules, name)),
      loadRules: async (rules) => this.#changeRules(newRules(rules)),
    });
    const dataPlane = await startDataPlane({
      nodeConfig: { ...config.node, nodeId, secret },
      tunName: config.tunName,
      mark: config.mark,
      table: config.table,
      rulePriority: config.rulePriority,
      stateDirectory: config.stateDirectory,
      interfaces: config.interfaces,
      logLevel: config.log.level,
    });
    this.#dataPlane = dataPlane;
    dataPlane.onLog((level, event, fields) => this.#log.log(level, event, fields));
    dataPlane.onFailure((error) => {
      this.#log.log('error', 'the data plane failed', { error });
      this.#reportFailure(error);
    });
    const node = Buffer.from(nodeId).toString('hex');
    this.#log.log('info', 'mpipd runs', {
      version: this.#version,
      pid: process.pid,
      node,
      port: config.node.port,
      tun: config.tunName,
    });
  }

  async #stop(): Promise<void> {
    const dataPlane = this.#dataPlane;
    this.#dataPlane = undefined;
    try {
      await dataPlane?.[Symbol.asyncDispose]();
    } finally {
      await this.#control?.close();
      this.#lock?.[Symbol.dispose]();
      if (dataPlane) this.#log.log('info', 'mpipd stopped');
      await this.#log[Symbol.asyncDispose]();
    }
  }

  /** Clients that ask at the same time share one snapshot. */
  #status(): Promise<DaemonStatus> {
    this.#asked ??= this.#snapshot().finally(() => {
      this.#asked = undefined;
    });
    return this.#asked;
  }

  async #changeRules(rules: readonly RoutingRule[]): Promise<RuleListing[]> {
    await this.setRules(rules);
    return this.#listRules();
  }

  async #listRules(): Promise<RuleListing[]> {
    // Not the shared snapshot, which may be older than the last change.
    const { rules } = await this.#running().status();
    return listRules(this.#rules, rules);
  }

  #running(): RunningDataPlane {
    if (!this.#dataPlane) throw new NotReadyError(this.#closed ? 'mpipd is stopping' : 'mpipd is starting');
    return this.#dataPlane;
  }

  async #snapshot(): Promise<DaemonStatus> {
    const { io, ...node } = await this.#running().status();
    const uptimeMs = Math.round(performance.now() - this.#startedAt);
    return { ...node, daemon: { version: this.#version, pid: process.pid, uptimeMs, tun: this.#config.tunName, io } };
  }
}
