/** Where mpipctl writes, and when it is told to stop. */
export interface Terminal {
  write(text: string): void;
  writeError(text: string): void;
  /** Whether a person looks at it. */
  readonly interactive: boolean;
  columns(): number;
  rows(): number;
  /** Wall clock, for people. */
  time(): string;
  readonly stop: AbortSignal;
}

/** The process's own streams. Ctrl-C stops; so does a reader of the output that has enough (`| head`). */
export function processTerminal(): Terminal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      stop.abort();
    });
  }
  return {
    write: (text) => void process.stdout.write(text),
    writeError: (text) => void process.stderr.write(text),
    interactive: process.stdout.isTTY === true,
    columns: () => process.stdout.columns || 80,
    rows: () => process.stdout.rows || 24,
    time: () => new Date().toISOString(),
    stop: stop.signal,
  };
}
