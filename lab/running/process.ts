/** Commands inside the nodes of a running lab. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { LabCommandError } from '../error.js';

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

export interface ProcessExit {
  /** undefined when a signal ended it. */
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
}

/** A process in a node. It ends with the lab at the latest. */
export interface LabProcess extends AsyncDisposable {
  readonly node: string;
  readonly command: readonly string[];
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

/** `commandLine` runs `command` in the node; the pid is the command's. Throws LabCommandError. */
export async function startProcess(
  node: string,
  command: readonly string[],
  commandLine: readonly string[],
  env: NodeJS.ProcessEnv,
  options: StartOptions,
): Promise<LabProcess> {
  const [program = '', ...rest] = commandLine;
  const files = [options.stdout, options.stderr].map((file) => (file === undefined ? undefined : openSync(file, 'a')));
  try {
    // A session of its own: Ctrl-C in a terminal is for the lab, which then ends its processes in order.
    const child = spawn(program, rest, {
      detached: true,
      env: { ...env, ...options.env },
      stdio: ['ignore', files[0] ?? 'pipe', files[1] ?? 'pipe'],
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    });
    if (options.outlives) child.unref();
    const started = new RunningProcess(node, command, child, options.onLine);
    await started.ready(options);
    options.signal?.addEventListener('abort', () => void started.stop(), { once: true });
    if (options.signal?.aborted) await started.stop();
    options.signal?.throwIfAborted();
    return started;
  } finally {
    for (const file of files) if (file !== undefined) closeSync(file);
  }
}

class RunningProcess implements LabProcess {
  readonly exited: Promise<ProcessExit>;
  readonly #output = { stdout: '', stderr: '' };
  readonly #watchers = new Set<(line: string, from: 'stdout' | 'stderr') => void>();
  readonly #failed: Promise<Error>;
  #ended = false;

  constructor(
    readonly node: string,
    readonly command: readonly string[],
    private readonly child: ReturnType<typeof spawn>,
    onLine: SpawnOptions['onLine'],
  ) {
    if (onLine) this.#watchers.add(onLine);
    this.#failed = new Promise((resolve) => child.once('error', resolve));
    this.exited = new Promise((resolve) => {
      child.once('exit', () => {
        this.#ended = true;
      });
      child.once('error', () => resolve({ exitCode: undefined, signal: undefined }));
      child.once('close', (code, signal) => resolve({ exitCode: code ?? undefined, signal: signal ?? undefined }));
    });
    this.#follow('stdout', child.stdout);
    this.#follow('stderr', child.stderr);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get stdout(): string {
    return this.#output.stdout;
  }

  get stderr(): string {
    return this.#output.stderr;
  }

  async ready({ readyWhen, readyTimeoutMs = READY_TIMEOUT_MS }: SpawnOptions): Promise<void> {
    if (this.child.pid === undefined) throw this.#failure('could not be started', { cause: await this.#failed });
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
    if (!this.#ended) this.child.kill(signal);
  }

  async stop(): Promise<ProcessExit> {
    this.#signalGroup('SIGTERM');
    const timer = setTimeout(() => this.#signalGroup('SIGKILL'), GRACE_MS);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Its children as well: the process leads a group. Once it has ended, its number may be somebody else's. */
  #signalGroup(signal: NodeJS.Signals): void {
    if (this.#ended || this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
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

  #failure(reason: string, options?: ErrorOptions): LabCommandError {
    const { node, command, stdout, stderr } = this;
    return new LabCommandError({ node, command, stdout, stderr, reason }, options);
  }
}
