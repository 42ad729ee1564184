import { execa } from 'execa';
import { LabCommandError } from '../error.js';

export interface ExecOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Ends the command: SIGTERM, after 2 s SIGKILL. */
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
}

const GRACE_MS = 2000;
/** Of each stream; more is a program gone wild. */
const MAX_OUTPUT_CHARACTERS = 256 << 20;

/** Runs a command to its end. Throws LabCommandError; when `signal` aborts, its reason. */
export async function execute(
  node: string,
  command: readonly string[],
  commandLine: readonly string[],
  env: NodeJS.ProcessEnv,
  options: ExecOptions,
): Promise<ExecResult> {
  const [program = '', ...rest] = commandLine;
  options.signal?.throwIfAborted();
  const result = await execa(program, rest, {
    reject: false,
    // A session of its own: Ctrl-C in a terminal is for the lab.
    detached: true,
    extendEnv: false,
    env: { ...env, ...options.env },
    forceKillAfterDelay: GRACE_MS,
    maxBuffer: MAX_OUTPUT_CHARACTERS,
    stripFinalNewline: false,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.signal && { cancelSignal: options.signal }),
    ...(options.timeoutMs !== undefined && { timeout: options.timeoutMs }),
  });
  const { stdout, stderr, exitCode, signal } = result;
  if (!result.failed) return { stdout, stderr };
  options.signal?.throwIfAborted();
  const reason = result.timedOut
    ? `took longer than ${options.timeoutMs} ms`
    : result.isMaxBuffer || (exitCode === undefined && signal === undefined)
      ? result.originalMessage
      : undefined;
  throw new LabCommandError({ node, command, exitCode, signal, stdout, stderr, reason }, { cause: result });
}
