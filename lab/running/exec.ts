import { text } from 'node:stream/consumers';
import type { NodeProcess } from '../backend/node-process.js';
import { LabCommandError } from '../error.js';
import { signalGroup } from './signals.js';

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
const MAX_OUTPUT_BYTES = 256 << 20;

/** Runs a command to its end. Throws LabCommandError; when `signal` aborts, its reason. */
export async function execute(
  node: string,
  command: readonly string[],
  launch: () => Promise<NodeProcess>,
  { signal, timeoutMs }: Pick<ExecOptions, 'signal' | 'timeoutMs'>,
): Promise<ExecResult> {
  signal?.throwIfAborted();
  const started = await launch();
  let reason: string | undefined;
  let ended = false;
  let kill: NodeJS.Timeout | undefined;
  const end = (why: string | undefined): void => {
    if (ended || kill !== undefined) return;
    reason = why;
    signalGroup(started.pid, 'SIGTERM');
    kill = setTimeout(() => !ended && signalGroup(started.pid, 'SIGKILL'), GRACE_MS);
  };
  const onAbort = (): void => end(undefined);
  const timer = timeoutMs === undefined ? undefined : setTimeout(end, timeoutMs, `took longer than ${timeoutMs} ms`);
  for (const stream of [started.stdout, started.stderr]) {
    let bytes = 0;
    stream?.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_OUTPUT_BYTES) end(`wrote more than ${MAX_OUTPUT_BYTES >> 20} MiB`);
    });
  }
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  try {
    const [stdout, stderr, exit] = await Promise.all([
      started.stdout === null ? '' : text(started.stdout),
      started.stderr === null ? '' : text(started.stderr),
      started.exited.finally(() => {
        ended = true;
      }),
    ]);
    signal?.throwIfAborted();
    if (exit.exitCode === 0 && reason === undefined) return { stdout, stderr };
    throw new LabCommandError({ node, command, ...exit, stdout, stderr, reason });
  } finally {
    clearTimeout(timer);
    clearTimeout(kill);
    signal?.removeEventListener('abort', onAbort);
  }
}
