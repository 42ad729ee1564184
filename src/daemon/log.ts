import { once } from 'node:events';
import pino from 'pino';
import type { LogLevel } from '../core/io.js';
import type { LogConfig } from './config.js';
import { logLine } from './log-line.js';

/** Where events of all parts of the daemon go: `event` is a fixed phrase, what varies stands in the fields. */
export interface Log extends AsyncDisposable {
  log(level: LogLevel, event: string, fields?: Record<string, unknown>): void;
  level: LogLevel;
  /** Opens the file again, after it was moved away; nothing on standard error. */
  reopen(): void;
}

/** The log file cannot be written. */
export class LogError extends Error {
  readonly code = 'E_LOG';
  override readonly name = 'LogError';
}

/** Opens the log. Throws LogError. */
export async function openLog(config: LogConfig): Promise<Log> {
  const destination = await openDestination(config.file);
  // A full disk or a reader that went away must not end the daemon.
  destination.on('error', () => {});
  const text = (config.format ?? (!config.file && process.stderr.isTTY ? 'text' : 'json')) === 'text';
  const sink = text ? { write: (line: string): void => void destination.write(logLine(line)) } : destination;
  const logger = pino(
    {
      level: config.level,
      messageKey: 'event',
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
  return new PinoLog(logger, () => config.file && destination.reopen());
}

type Destination = ReturnType<typeof pino.destination>;

async function openDestination(file: string | undefined): Promise<Destination> {
  try {
    const destination = pino.destination({ dest: file ?? process.stderr.fd, append: true, sync: true });
    await once(destination, 'ready');
    return destination;
  } catch (cause) {
    throw new LogError(`cannot write the log: ${(cause as Error).message}`, { cause });
  }
}

class PinoLog implements Log {
  readonly #logger: pino.Logger;
  readonly reopen: () => void;

  constructor(logger: pino.Logger, reopen: () => void) {
    this.#logger = logger;
    this.reopen = reopen;
  }

  get level(): LogLevel {
    return this.#logger.level as LogLevel;
  }

  set level(level: LogLevel) {
    this.#logger.level = level;
  }

  log(level: LogLevel, event: string, fields: Record<string, unknown> = {}): void {
    this.#logger[level](Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, plain(value)])), event);
  }

  /** Lines are written as they come, so there is nothing to wait for. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#logger.flush();
  }
}

/** Errors and bytes as JSON can hold them. */
function plain(value: unknown): unknown {
  if (value instanceof Error) return { ...('code' in value ? { code: value.code } : {}), message: value.message };
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return typeof value === 'bigint' ? Number(value) : value;
}
