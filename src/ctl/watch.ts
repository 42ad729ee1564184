import type { PathStatus } from '../core/status.js';
import type { ControlClient, DaemonStatus } from '../daemon/api.js';
import type { Terminal } from './terminal.js';
import { type PathRates, pathLine, pathRatesTable } from './view/paths.js';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const HOME = '\u001b[H';
const CLEAR_SCREEN = '\u001b[2J';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

export interface WatchOptions {
  readonly intervalMs: number;
  readonly json: boolean;
}

/** Shows the paths again and again until `terminal.stop` aborts: a screen, lines where there is no terminal, or one JSON object a line. */
export async function watch(client: ControlClient, terminal: Terminal, options: WatchOptions): Promise<void> {
  const screen = terminal.interactive && !options.json;
  const meter = new PathMeter();
  if (screen) terminal.write(`${HIDE_CURSOR}${CLEAR_SCREEN}`);
  try {
    for await (const status of client.watch({ intervalMs: options.intervalMs, signal: terminal.stop })) {
      meter.update(status);
      if (options.json) terminal.write(`${JSON.stringify(status)}\n`);
      else if (screen) terminal.write(frame(status, meter, terminal));
      else terminal.write(lines(status, meter, terminal.time()));
    }
  } finally {
    if (screen) terminal.write(SHOW_CURSOR);
  }
}

/** Overwrites the frame before instead of clearing first, so nothing flickers. */
function frame(status: DaemonStatus, meter: PathMeter, terminal: Terminal): string {
  const head = `node ${status.node}  scheduler ${status.scheduler}  sessions ${status.sessions.length}  ${terminal.time()}`;
  const table = pathRatesTable(status.paths, (path) => meter.rates(path), terminal.columns());
  const rows = `${head}\n\n${table}`.split('\n').slice(0, terminal.rows() - 1);
  return `${HOME}${rows.map((row) => `${row.slice(0, terminal.columns())}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}`;
}

function lines(status: DaemonStatus, meter: PathMeter, time: string): string {
  if (status.paths.length === 0) return `${time} no paths\n`;
  return status.paths.map((path) => `${time} ${pathLine(path, meter.rates(path))}\n`).join('');
}

/** What runs over each path, from the counters of two snapshots. */
class PathMeter {
  #before: DaemonStatus | undefined;
  #now: DaemonStatus | undefined;

  update(status: DaemonStatus): void {
    this.#before = this.#now;
    this.#now = status;
  }

  rates(path: PathStatus): PathRates | undefined {
    const before = this.#before?.paths.find((other) => other.node === path.node && other.path === path.path);
    if (!before || !this.#before || !this.#now) return undefined;
    const seconds = (this.#now.daemon.uptimeMs - this.#before.daemon.uptimeMs) / 1000;
    // A path id may have been given to a new path since.
    if (seconds <= 0 || path.sentBytes < before.sentBytes || path.receivedBytes < before.receivedBytes)
      return undefined;
    return {
      sendingBps: ((path.sentBytes - before.sentBytes) * 8) / seconds,
      receivingBps: ((path.receivedBytes - before.receivedBytes) * 8) / seconds,
    };
  }
}
