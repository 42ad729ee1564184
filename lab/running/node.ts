import type { Backend } from '../backend/backend.js';
import type { CounterSource, InterfaceCounters } from '../backend/counters.js';
import type { NodeCommand, NodeProcess } from '../backend/node-process.js';
import type { PlannedNode } from '../plan/plan.js';
import type { LabDirectory } from '../record/directory.js';
import { isAlive } from '../record/identity.js';
import { TOKEN_VARIABLE } from '../record/record.js';
import type { NodeKind } from '../topology/topology.js';
import { type ExecOptions, type ExecResult, execute } from './exec.js';
import { type MpipDaemon, Mpipd } from './mpipd.js';
import { type LabProcess, type SpawnOptions, type StartOptions, startProcess } from './process.js';
import { recordProcess } from './recorded-process.js';

export interface NodeInterface {
  readonly name: string;
  readonly link: string;
  /** With prefix: "10.1.0.1/24". */
  readonly addresses: readonly string[];
}

/** A node of a running lab. */
export interface LabNode {
  readonly name: string;
  readonly kind: NodeKind;
  readonly interfaces: readonly NodeInterface[];
  /** Without prefix, in order of interfaces. */
  readonly addresses: readonly string[];
  /** undefined on plain nodes. */
  readonly mpip: MpipDaemon | undefined;
  /** Runs a command to its end. Throws LabCommandError; when `options.signal` aborts, its reason. */
  exec(command: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** Starts a process that ends with the lab at the latest. Throws LabCommandError. */
  spawn(command: readonly string[], options?: SpawnOptions): Promise<LabProcess>;
  /** Of all interfaces but lo; synchronous and without a process, for sampling every 100 ms. Throws LabError (E_LAB_NAMESPACE). */
  counters(): InterfaceCounters[];
}

export class RunningNode implements LabNode, AsyncDisposable {
  readonly name: string;
  readonly kind: NodeKind;
  readonly interfaces: readonly NodeInterface[];
  readonly addresses: readonly string[];
  readonly mpip: Mpipd | undefined;
  #counters: CounterSource | undefined;

  constructor(
    private readonly directory: LabDirectory,
    private readonly backend: Backend,
    planned: PlannedNode,
  ) {
    this.name = planned.name;
    this.kind = planned.kind;
    this.interfaces = planned.interfaces.map(({ name, link, addresses }) => ({ name, link, addresses }));
    this.addresses = this.interfaces.flatMap(({ addresses }) => addresses.map((text) => text.replace(/\/\d+$/, '')));
    this.mpip = planned.mpip === null ? undefined : new Mpipd(this.#mpipdHost(), planned.mpip);
  }

  exec(command: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    return execute(this.name, command, () => this.#launch(command, options), options);
  }

  spawn(command: readonly string[], options: SpawnOptions = {}): Promise<LabProcess> {
    return this.#start(command, options);
  }

  counters(): InterfaceCounters[] {
    this.#counters ??= this.backend.openCounters(this.directory.record.lab, this.name);
    return this.#counters.read();
  }

  /** With this process's terminal; see Lab.attach. */
  attach(command: readonly string[]): Promise<number> {
    return this.backend.attach(this.directory.record, this.name, { command, env: this.#marks() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#counters?.[Symbol.dispose]();
    this.#counters = undefined;
    await this.mpip?.[Symbol.asyncDispose]();
  }

  async #start(command: readonly string[], options: StartOptions): Promise<LabProcess> {
    const started = await startProcess(this.name, command, () => this.#launch(command, options), options);
    try {
      recordProcess(this.directory, started);
    } catch (error) {
      await started.stop();
      throw error;
    }
    return started;
  }

  #launch(command: readonly string[], options: Partial<NodeCommand>): Promise<NodeProcess> {
    const { env, cwd, input, stdout, stderr, outlives } = options;
    const marked = { ...this.#marks(), ...env };
    const { record } = this.directory;
    return this.backend.launch(record, this.name, { command, env: marked, cwd, input, stdout, stderr, outlives });
  }

  /** What every command in the node has in its environment. */
  #marks(): Record<string, string> {
    const { lab, token } = this.directory.record;
    return { MPIP_LAB: lab, MPIP_NODE: this.name, [TOKEN_VARIABLE]: token };
  }

  #mpipdHost(): ConstructorParameters<typeof Mpipd>[0] {
    return {
      name: this.name,
      directory: this.directory.of(this.name),
      start: async (command, logFile) => {
        await this.#start(command, { stdout: logFile, stderr: logFile, outlives: true });
      },
      running: (program) =>
        this.directory
          .refresh()
          .processes.find((own) => own.node === this.name && own.command.split(' ').includes(program) && isAlive(own)),
    };
  }
}
