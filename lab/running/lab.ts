import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Backend } from '../backend/backend.js';
import { backendOf } from '../backend/backends.js';
import { launchInNamespace } from '../backend/netns/launch.js';
import type { NodeCommand, NodeProcess } from '../backend/node-process.js';
import { forThisMachine } from '../doctor/emulation.js';
import { LabError, LabMachineError } from '../error.js';
import { makePlan, withoutMpip } from '../plan/make.js';
import type { Plan } from '../plan/plan.js';
import { RELAY_NODE, relayedLinks } from '../plan/relay.js';
import { LabDirectory } from '../record/directory.js';
import { takeDownDirectory } from '../record/down.js';
import { bootId, identify } from '../record/identity.js';
import type { LabRecord } from '../record/record.js';
import { startReaper } from '../record/start-reaper.js';
import type { Calibration } from '../relay/calibration/direction.js';
import { restartRelay, startRelay } from '../relay/start.js';
import type { BackendName, Topology } from '../topology/topology.js';
import { readTrace } from '../topology/traces.js';
import { calibrate } from './calibrate.js';
import type { LabLink } from './link.js';
import { RunningLink } from './link.js';
import { machineTurn } from './machine-turn.js';
import { type Mpipd, requireDaemon } from './mpipd.js';
import type { LabNode } from './node.js';
import { RunningNode } from './node.js';
import { pathsLive } from './paths.js';

export interface UpOptions {
  /** Default: the topology's name and a random suffix. */
  readonly name?: string;
  /** Called after each step of the set-up. */
  readonly onStep?: (step: UpStep) => void;
  /** Ends the set-up; what was made is taken down before `up` rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** false: all hosts are plain (the arms `ip` and `mptcp` of the same topology). Default true. */
  readonly mpip?: boolean;
  /** Whether `up` waits until every pair of MPIP hosts reports all paths between them live. Default true. */
  readonly waitForPaths?: boolean;
  /** What emulates links that need more than a rate. Default: the kernel where it does exactly what a link asks for, else the relay. `netem`: wherever it does something of the kind (all but traces). */
  readonly emulator?: 'relay' | 'netem';
  /** Whether `up` measures every link before anything else runs; see `Lab.calibration`. Default false. */
  readonly calibrate?: boolean;
  /** What nodes are made of: network namespaces or containers. Default: as the topology says, else `netns`. */
  readonly backend?: BackendName;
  /** The lab outlives this process. Default false: it ends with this process, however that ends. */
  readonly keep?: boolean;
}

export interface UpStep {
  readonly title: string;
  readonly durationMs: number;
}

/** Letters, digits, "-" and "_", as names in topologies; a little longer for the random suffix. */
const LAB_NAME = /^[A-Za-z0-9]([A-Za-z0-9_-]{0,38}[A-Za-z0-9])?$/;
const SUFFIX_BYTES = 2;
const TOKEN_BYTES = 16;
/** Daemons that start at a time. */
const STARTS_MAX = 8;

/** A running lab: `await using lab = await Lab.up(topology)`. */
export class Lab implements AsyncDisposable {
  readonly #directory: LabDirectory;
  readonly #backend: Backend;
  readonly #nodes: readonly RunningNode[];
  readonly #links: readonly RunningLink[];
  #calibration: readonly Calibration[] | null = null;
  #down: Promise<void> | undefined;
  #gone: Promise<void> | undefined;

  private constructor(directory: LabDirectory, plan: Plan) {
    this.#directory = directory;
    this.#backend = backendOf(directory.record);
    this.#nodes = plan.nodes.map((node) => new RunningNode(directory, this.#backend, node));
    this.#links = plan.links.map((link) => new RunningLink(directory, this.#backend, link));
  }

  /**
   * Makes a lab. Whatever goes wrong, nothing is left of it when this rejects.
   * Throws LabMachineError, LabCommandError, LabError (E_LAB_EXISTS, E_LAB_NAME_TAKEN, E_LAB_NOT_BUILT, E_LAB_MPIPD, E_LAB_PATHS,
   * E_LAB_TRACE, E_LAB_RELAY, E_LAB_CALIBRATION).
   */
  static async up(topology: Topology | Plan, options: UpOptions = {}): Promise<Lab> {
    const { signal, keep = false } = options;
    signal?.throwIfAborted();
    const whole = 'topology' in topology ? topology : makePlan(topology);
    const hosted = options.mpip === false ? withoutMpip(whole) : whole;
    const backend = options.backend ?? hosted.backend ?? 'netns';
    const lacks = await backendOf({ backend }).lacks(hosted);
    if (lacks.length > 0) throw new LabMachineError(lacks.join('\n'));
    const plan = options.emulator === 'relay' ? hosted : await forThisMachine(hosted, options.emulator);
    if (plan.nodes.some(({ mpip }) => mpip !== null)) requireDaemon();
    requireTraces(plan);

    const directory = LabDirectory.create(await newRecord(plan, backend, options.name, keep), plan);
    let lab: Lab | undefined;
    try {
      const reaper = keep ? undefined : startReaper(directory);
      lab = new Lab(directory, plan);
      if (reaper) lab.#watch(reaper);
      await lab.#make(plan, options);
      return lab;
    } catch (error) {
      await (lab ? lab.down() : takeDownDirectory(directory, backendOf));
      // A terminal's Ctrl-C may have ended a process of the set-up before this one could take note of it: let it, the rest is a consequence.
      await signalsTold();
      signal?.throwIfAborted();
      throw error;
    }
  }

  /** A lab that is up already, whoever made it. Throws LabError (E_LAB_UNKNOWN). */
  static open(name: string): Lab {
    const directory = LabDirectory.open(name);
    return new Lab(directory, directory.plan);
  }

  get name(): string {
    return this.#directory.record.lab;
  }

  /** As it is now: changes of links are part of it. */
  get plan(): Plan {
    return this.#directory.plan;
  }

  /** Logs, configurations and sockets, a directory for each node; gone with the lab. */
  get directory(): string {
    return this.#directory.path;
  }

  get record(): LabRecord {
    return this.#directory.refresh();
  }

  get nodes(): readonly LabNode[] {
    return this.#nodes;
  }

  get links(): readonly LabLink[] {
    return this.#links;
  }

  /** Throws LabError (E_LAB_UNKNOWN). */
  node(name: string): LabNode {
    return named('node', this.#nodes, name);
  }

  /** Throws LabError (E_LAB_UNKNOWN). */
  link(name: string): LabLink {
    return named('link', this.#links, name);
  }

  /** What the last calibration found, both directions of each link; null before the first. */
  get calibration(): readonly Calibration[] | null {
    return this.#calibration;
  }

  /**
   * Measures all links, in a second or two, and leaves them as they were: nothing else should use them meanwhile. Waits for the end of other
   * calibrations on this machine. Throws LabError (E_LAB_CALIBRATION) when a link is not what the topology says.
   */
  async calibrate(signal?: AbortSignal): Promise<readonly Calibration[]> {
    await using _machine = await machineTurn(signal);
    this.#calibration = await calibrate(this.#directory, this.#backend, signal);
    return this.#calibration;
  }

  /**
   * Starts the relay again, dead or alive: its links as they are set now, their queues empty, randomness, traces and counters at their start.
   * Throws LabError (E_LAB_LINK when no link of the lab is relayed, E_LAB_RELAY, E_LAB_NOT_BUILT).
   */
  async restartRelay(signal?: AbortSignal): Promise<void> {
    if (relayedLinks(this.plan).length === 0)
      throw new LabError('E_LAB_LINK', `lab ${this.name} has no relay: no link needs one`);
    await restartRelay(this.#directory, (command) => this.#launchRelay(command), signal);
  }

  /** Runs a command in a node with this process's standard streams, its terminal if it has one; resolves with the exit status. */
  attach(node: string, command: readonly string[]): Promise<number> {
    return named('node', this.#nodes, node).attach(command);
  }

  /** Resolves when the lab has ended, also by somebody else's `down`; never for a lab that is kept or was opened. */
  get gone(): Promise<void> {
    return this.#gone ?? new Promise(() => {});
  }

  /** Closes what this object has open and leaves the lab running, for labs that are kept or were opened. Idempotent. */
  async release(): Promise<void> {
    for (const node of this.#nodes) await node[Symbol.asyncDispose]();
  }

  /** Ends all processes of the lab and removes it. Idempotent, also when somebody else took it down. */
  down(): Promise<void> {
    this.#down ??= this.#takeDown();
    return this.#down;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.down();
  }

  async #make(
    plan: Plan,
    { signal, onStep, waitForPaths = true, calibrate: calibrateFirst = false }: UpOptions,
  ): Promise<void> {
    await this.#backend.create(this.#directory, plan, { signal, onStep });
    const step = async (title: string, action: () => Promise<unknown>): Promise<void> => {
      signal?.throwIfAborted();
      const start = performance.now();
      await action();
      onStep?.({ title, durationMs: performance.now() - start });
    };
    const daemons = new Map<string, Mpipd>();
    for (const { name, mpip } of this.#nodes) if (mpip) daemons.set(name, mpip);
    const relay = async (): Promise<void> => {
      if (relayedLinks(plan).length === 0) return;
      await step('relay', () => startRelay(this.#directory, plan, (command) => this.#launchRelay(command), signal));
    };
    const mpipds = async (): Promise<void> => {
      if (daemons.size === 0) return;
      const start = async (daemon: Mpipd): Promise<void> => {
        await daemon.start();
        await daemon.answers(signal);
      };
      await step('mpipd', () => settle([...daemons.values()], start));
    };
    if (calibrateFirst) {
      await relay();
      await step('calibration', () => this.calibrate(signal));
      await mpipds();
    } else {
      // Programs of Node spend most of their start on loading themselves, and the relay, first and smaller, is there before mpipd's first packet.
      await settle([relay, mpipds], (start) => start());
    }
    if (waitForPaths && daemons.size > 0) await step('paths', () => pathsLive(plan, daemons, signal));
    this.#directory.update(() => ({ state: 'up' }));
    signal?.throwIfAborted();
  }

  /** It is a process of the machine, whatever nodes are made of. */
  #launchRelay(command: NodeCommand): Promise<NodeProcess> {
    return launchInNamespace(this.name, RELAY_NODE, command);
  }

  async #takeDown(): Promise<void> {
    await this.release();
    this.#directory.refresh();
    await takeDownDirectory(this.#directory, backendOf);
  }

  #watch(reaper: ChildProcess): void {
    this.#gone = new Promise((resolve) => reaper.once('exit', () => resolve()));
  }
}

/** Throws LabError (E_LAB_TRACE). */
function requireTraces({ links }: Plan): void {
  for (const { emulation } of links.flatMap(({ ends }) => ends)) {
    if (emulation !== null && emulation.trace !== null) readTrace(emulation.trace);
  }
}

async function newRecord(
  plan: Plan,
  backend: BackendName,
  name: string | undefined,
  keep: boolean,
): Promise<LabRecord> {
  if (name !== undefined && !LAB_NAME.test(name)) {
    throw new LabError(
      'E_LAB_NAME',
      `${JSON.stringify(name)} is not a name of a lab: letters, digits, "-" and "_", at most 40`,
    );
  }
  const lab = name ?? `${plan.topology}-${randomBytes(SUFFIX_BYTES).toString('hex')}`;
  LabDirectory.mustNotExist(lab);
  return {
    version: 1,
    lab,
    topology: plan.topology,
    backend,
    state: 'making',
    created: new Date().toISOString(),
    boot: bootId(),
    owner: keep ? null : (identify(process.pid) ?? null),
    reaper: null,
    token: randomBytes(TOKEN_BYTES).toString('hex'),
    ...(await backendOf({ backend }).claim(lab, plan)),
    processes: [],
  };
}

function named<T extends { readonly name: string }>(kind: string, items: readonly T[], name: string): T {
  const found = items.find((item) => item.name === name);
  if (found !== undefined) return found;
  const known = items.map((item) => item.name).join(', ');
  throw new LabError('E_LAB_UNKNOWN', `no ${kind} is named ${JSON.stringify(name)}; ${kind}s: ${known}`);
}

/** A few at a time, since starting takes CPU and time-outs count from each start; the first failure is told when all have ended. */
async function settle<T>(items: readonly T[], action: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await action(item);
  };
  const workers = Math.min(items.length, 2 * availableParallelism(), STARTS_MAX);
  const results = await Promise.allSettled(Array.from({ length: workers }, worker));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** The first immediate may come before the event loop looks for signals again; the second comes after. */
async function signalsTold(): Promise<void> {
  await nextTurn();
  await nextTurn();
}
