/** Commands in a node, as backends start them. */
import type { Readable } from 'node:stream';

export interface NodeCommand {
  readonly command: readonly string[];
  /** Besides what the node has by itself. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
  /** For standard input; default: it is empty. */
  readonly input?: string | undefined;
  /** Files of the machine that the output is appended to; default: it can be read here. */
  readonly stdout?: string | undefined;
  readonly stderr?: string | undefined;
  /** The process that starts it may end without waiting for it; its output goes to files of the node's own directory. */
  readonly outlives?: boolean | undefined;
}

export interface ProcessExit {
  /** undefined when a signal ended it. */
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
}

export interface NodeProcess {
  /** As the machine counts, wherever the node is; it leads a process group of its own. */
  readonly pid: number;
  /** null where a file takes the output. */
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** When it has ended and all of its output is read or in its file. Never rejects. */
  readonly exited: Promise<ProcessExit>;
}
