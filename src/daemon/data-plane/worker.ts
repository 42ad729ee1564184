/** Entry of the data-plane thread. */
import { readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { LogLevel } from '../../core/io.js';
import { Wake } from '../../host/wake.js';
import type { Controller } from './loop.js';
import { type FromWorker, isLogged, portableError, type Request, type ToWorker, type WorkerStart } from './protocol.js';
import { runDataPlane } from './run-data-plane.js';

/** The main thread. It is asked for messages, because the loop never returns to where events are delivered. */
class MainThread implements Controller {
  constructor(
    private readonly port: MessagePort,
    readonly wake: Wake,
    private logLevel: LogLevel,
  ) {}

  receive(): Request | undefined {
    for (;;) {
      const message = receiveMessageOnPort(this.port)?.message as ToWorker | undefined;
      if (message?.what !== 'log-level') return message;
      this.logLevel = message.level;
    }
  }

  send(message: FromWorker): void {
    this.port.postMessage(message);
  }

  log(level: LogLevel, event: string, fields: Record<string, unknown>): void {
    if (!isLogged(level, this.logLevel)) return;
    const portable = Object.entries(fields).map(([key, value]) => [
      key,
      value instanceof Error ? portableError(value) : value,
    ]);
    this.send({ what: 'log', level, event, fields: Object.fromEntries(portable) });
  }
}

/** A stall as long as the paths' queues lets them run empty. On Linux a nice value is a thread's own. */
const PRIORITY = -10;

function raisePriority(log: (event: string, fields: Record<string, unknown>) => void): void {
  try {
    setPriority(PRIORITY);
    // With sched(7) autogroups a nice value counts within the session only; against others the session's does.
    if (isSessionLeader()) writeFileSync('/proc/self/autogroup', String(PRIORITY));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    log('the data plane runs at normal priority', { reason: error });
  }
}

/** Field 6 of proc(5)'s stat, behind the name in parentheses: the session that a daemon of its own has for itself. */
function isSessionLeader(): boolean {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]) === process.pid;
}

const { options, wakeFd } = workerData as WorkerStart;
const port = parentPort;
if (port === null) throw new Error('this is the entry of a worker thread');
const main = new MainThread(port, Wake.attach(wakeFd), options.logLevel);
raisePriority((event, fields) => main.log('warn', event, fields));
try {
  runDataPlane(options, main, (level, event, fields) => main.log(level, event, fields));
} catch (error) {
  main.send({ what: 'failed', error: portableError(error) });
} finally {
  main.wake[Symbol.dispose]();
}
