/** Commands inside the nodes of a running lab. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeProcess, ProcessExit } from '../backend/node-process.js';
import { LabCommandError } from '../error.js';
import { signalGroup, signalProcess } from './signals.js';

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Files that the output is appended to; default: the last of it is kept in memory (LabProcess.stdout). */
  readonly stdout?: string;
  readonly stderr?: string;
  /** Called for each line of output that no file takes. */
  readonly onLine?: (line: string, from: 'stdout' | 'stderr') => void;
  /**
   * `spawn` resolves with the first line that matches, of output that no file takes; it rejects when the process ends before
   * or the time is up.
   */
  readonly readyWhen?: RegExp;
  /** Default 10,000. */
  readonly readyTimeoutMs?: number;
  /** Stops the process. */
  readonly signal?: AbortSignal;
}

export interface StartOptions extends SpawnOptions {
  /** The process that starts it may end without waiting for it. */
  readonly outlives?: boolean;
}

/** A process in a node. It ends with the lab at the latest. */
export interface LabProcess extends AsyncDisposable {
  readonly node: string;
  readonly command: readonly string[];
  /** As the machine counts, which a container does in its own way. */
  readonly pid: number;
  /** Never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** The last 1 MiB of what it wrote, unless a file takes it. */
  readonly stdout: string;
  readonly stderr: string;
  /** To the process alone; nothing happens when it has ended. */
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, after 2 s SIGKILL, to the process and its children; resolves when it has ended. Idempotent; what `await using` does too. */
  stop(): Promise<ProcessExit>;
}

const READY_TIMEOUT_MS = 10_000;
const GRACE_MS = 2000;
const KEPT_CHARACTERS = 1 << 20;

/** Resolves when the process that `launch` starts is ready. Throws LabCommandError; when the signal aborts, its reason. */
export async function startProcess(
  node: string,
  command: readonly string[],
  launch: () => Promise<NodeProcess>,
  options: StartOptions,
): Promise<LabProcess> {
  const started = new RunningProcess(node, command, await launch(), options.onLine);
  await started.ready(options);
  options.signal?.addEventListener('abort', () => void started.stop(), { once: true });
  if (options.signal?.aborted) await started.stop();
  options.signal?.throwIfAborted();
  return started;
}

class RunningProcess implements LabProcess {
  readonly exited: Promise<ProcessExit>;
  readonly #output = { stdout: '', stderr: '' };
  readonly #watchers = new Set<(line: string, from: 'stdout' | 'stderr') => void>();
  #ended = false;

  constructor(
    readonly node: string,
    readonly command: readonly string[],
    private readonly started: NodeProcess,
    onLine: SpawnOptions['onLine'],
  ) {
    if (onLine) this.#watchers.add(onLine);
    this.exited = started.exited.finally(() => {
      this.#ended = true;
    });
    this.#follow('stdout', started.stdout);
    this.#follow('stderr', started.stderr);
  }

  get pid(): number {
    return this.started.pid;
  }

  get stdout(): string {
    return this.#output.stdout;
  }

  get stderr(): string {
    return this.#output.stderr;
  }

  async ready({ readyWhen, readyTimeoutMs = READY_TIMEOUT_MS }: SpawnOptions): Promise<void> {
    if (readyWhen === undefined) return;
    const timer = new AbortController();
    const said = new Promise<undefined>((resolve) => {
      this.#watchers.add((line) => readyWhen.test(line) && resolve(undefined));
    });
    const late = sleep(readyTimeoutMs, `said nothing like ${readyWhen} within ${readyTimeoutMs} ms`, {
      signal: timer.signal,
    });
    const gone = this.exited.then(({ exitCode, signal }) => `ended (${signal ?? exitCode}) before it was ready`);
    const reason = await Promise.race([said, late, gone]);
    timer.abort();
    await late.catch(() => {});
    if (reason === undefined) return;
    await this.stop();
    throw this.#failure(reason);
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.#ended) signalProcess(this.pid, signal);
  }

  async stop(): Promise<ProcessExit> {
    // Once it has ended, its number may be somebody else's.
    if (!this.#ended) signalGroup(this.pid, 'SIGTERM');
    const timer = setTimeout(() => this.#ended || signalGroup(this.pid, 'SIGKILL'), GRACE_MS);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #follow(from: 'stdout' | 'stderr', stream: Readable | null): void {
    if (stream === null) return;
    stream.setEncoding('utf8').on('data', (text: string) => {
      this.#output[from] = (this.#output[from] + text).slice(-KEPT_CHARACTERS);
    });
    createInterface({ input: stream }).on('line', (line) => {
      for (const watcher of this.#watchers) watcher(line, from);
    });
  }

  #failure(reason: string): LabCommandError {
    const { node, command, stdout, stderr } = this;
    return new LabCommandError({ node, command, stdout, stderr, reason });
  }
}
