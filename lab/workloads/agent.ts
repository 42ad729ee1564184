/**
 * Programs of ours that take part in a workload. They say "ready" on stderr, clients begin on SIGUSR2, servers end on SIGTERM; before
 * they end they write one JSON document to stdout. Their side of it is in agent-program.ts.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { LabCommandError } from '../error.js';
import { abortable } from '../running/abortable.js';
import type { LabNode } from '../running/node.js';
import type { LabProcess } from '../running/process.js';
import { GO, READY } from './agent-program.js';
import type { Program } from './program.js';

export interface AgentOptions {
  /** Its TCP sockets are MPTCP's. */
  readonly mptcp?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Until it must be ready; default 10,000. */
  readonly readyTimeoutMs?: number;
  readonly signal: AbortSignal;
}

/** A program of ours in a node; it ends, and its file goes, with `await using`. */
export class Agent<T> implements AsyncDisposable {
  private constructor(
    private readonly process: LabProcess,
    private readonly directory: string,
    private readonly schema: z.ZodType<T>,
    private readonly signal: AbortSignal,
  ) {}

  /** Resolves when it is ready. Throws LabCommandError; when `signal` aborts, its reason. */
  static async start<T>(
    node: LabNode,
    { command, cwd }: Program,
    schema: z.ZodType<T>,
    { mptcp = false, signal, ...options }: AgentOptions,
  ): Promise<Agent<T>> {
    const directory = await mkdtemp(join(tmpdir(), 'mpip-agent-'));
    try {
      const process = await node.spawn(mptcp ? ['mptcpize', 'run', ...command] : command, {
        ...options,
        cwd,
        stdout: join(directory, 'stdout'),
        readyWhen: new RegExp(`^${READY}$`),
        signal,
      });
      return new Agent(process, directory, schema, signal);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Lets a client begin. */
  go(): void {
    this.process.kill(GO);
  }

  /** Asks a server to end; what it found out. Throws like `result`. */
  finish(timeoutMs: number): Promise<T> {
    this.process.kill('SIGTERM');
    return this.result(timeoutMs);
  }

  /** What it found out, when it has ended. Throws LabCommandError when it failed or took longer; when the signal aborts, its reason. */
  async result(timeoutMs: number): Promise<T> {
    const late = AbortSignal.timeout(timeoutMs);
    const exit = await abortable(this.process.exited, AbortSignal.any([late, this.signal])).catch((error: unknown) => {
      this.signal.throwIfAborted();
      if (late.aborted) throw this.failure(`took longer than ${timeoutMs} ms`, error);
      throw error;
    });
    this.signal.throwIfAborted();
    if (exit.exitCode !== 0) throw this.failure(`ended with ${exit.signal ?? `exit status ${exit.exitCode}`}`);
    const text = await readFile(join(this.directory, 'stdout'), 'utf8');
    try {
      return this.schema.parse(JSON.parse(text));
    } catch (error) {
      throw this.failure(`wrote no result: ${text.slice(0, 200)}`, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  private failure(reason: string, cause?: unknown): LabCommandError {
    const { node, command, stderr } = this.process;
    const said = stderr.replace(new RegExp(`^${READY}\n`), '');
    return new LabCommandError({ node, command, stderr: said, reason }, cause === undefined ? {} : { cause });
  }
}
