import type { Worker } from 'node:worker_threads';
import type { LogLevel } from '../../core/io.js';
import type { RoutingRule } from '../../core/routing/rules.js';
import { Wake } from '../../host/wake.js';
import type { DataPlaneOptions, RunningDataPlane } from '../daemon.js';
import { DataPlaneError } from './error.js';
import type { DataPlaneStatus, FromWorker, Request, ToWorker } from './protocol.js';
import { startThread } from './thread.js';

/** The loop looks at its messages after every wake-up; whoever takes longer hangs. */
const STOP_TIMEOUT_MS = 5000;

type LogListener = (level: LogLevel, event: string, fields: Record<string, unknown>) => void;
type FailureListener = (error: Error) => void;

type Question = Exclude<Request, { what: 'stop' }>;
type Answer = Extract<FromWorker, { id: number }>;

interface Asked {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/** The data plane as the main thread sees it: a node on this host, in a thread of its own. */
export class DataPlane implements RunningDataPlane {
  private readonly questions = new Map<number, Asked>();
  private lastQuestion = 0;
  private readonly earlyLog: Parameters<LogListener>[] = [];
  private logListener: LogListener | undefined;
  private failureListener: FailureListener | undefined;
  private failure: Error | undefined;
  private hasExited = false;
  private closing: Promise<void> | undefined;
  private readonly exited: Promise<void>;
  private ready!: () => void;
  private readonly started: Promise<void>;

  private constructor(
    private readonly worker: Worker,
    private readonly wake: Wake,
  ) {
    this.started = new Promise((resolve) => {
      this.ready = resolve;
    });
    worker.on('message', (message: FromWorker) => this.receive(message));
    worker.on('error', (error) => this.fail(new DataPlaneError('the data plane crashed', error as Error)));
    this.exited = new Promise((resolve) => {
      worker.once('exit', () => {
        this.ended();
        resolve();
      });
    });
  }

  /**
   * Starts the thread and waits until it serves. Throws DataPlaneError (its `cause` says why) when it cannot; nothing is left behind then.
   */
  static async start(options: DataPlaneOptions): Promise<DataPlane> {
    const wake = Wake.create();
    const plane = new DataPlane(startThread({ options, wakeFd: wake.fd }), wake);
    await Promise.race([plane.started, plane.exited]);
    if (plane.hasExited) throw plane.failure ?? new DataPlaneError('the data plane ended before it had started');
    return plane;
  }

  /** A snapshot. Throws DataPlaneError when the thread ends before it answers. */
  async status(): Promise<DataPlaneStatus> {
    const answer = await this.ask((id) => ({ what: 'status', id }));
    if (answer.what !== 'status') throw new DataPlaneError(`the data plane answered ${answer.what}`);
    return answer.status;
  }

  /** All rules; every packet that the thread reads after this has resolved takes them. Throws DataPlaneError as `status` does. */
  async setRules(rules: readonly RoutingRule[]): Promise<void> {
    await this.ask((id) => ({ what: 'rules', id, rules }));
  }

  setLogLevel(level: LogLevel): void {
    this.send({ what: 'log-level', level });
  }

  /** The listener hears what was logged before it came, too. */
  onLog(listener: LogListener): void {
    this.logListener = listener;
    for (const record of this.earlyLog.splice(0)) listener(...record);
  }

  /** Called at most once, when the thread has stopped by itself. */
  onFailure(listener: FailureListener): void {
    this.failureListener = listener;
    if (this.hasExited && this.failure) listener(this.failure);
  }

  /** Tells the peers, undoes all changes of the host and ends the thread. Idempotent. Throws DataPlaneError when not all could be undone. */
  close(): Promise<void> {
    this.closing ??= this.stop();
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async stop(): Promise<void> {
    if (this.hasExited) return;
    this.send({ what: 'stop' });
    const timer = setTimeout(() => {
      this.fail(new DataPlaneError(`the data plane did not stop within ${STOP_TIMEOUT_MS} ms`));
      void this.worker.terminate();
    }, STOP_TIMEOUT_MS);
    await this.exited;
    clearTimeout(timer);
    if (this.failure) throw this.failure;
  }

  private ask(question: (id: number) => Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.hasExited || this.closing) return reject(new DataPlaneError('the data plane has stopped'));
      const id = ++this.lastQuestion;
      this.questions.set(id, { resolve, reject });
      this.send(question(id));
    });
  }

  private send(message: ToWorker): void {
    if (this.hasExited) return;
    this.worker.postMessage(message);
    this.wake.signal();
  }

  private receive(message: FromWorker): void {
    switch (message.what) {
      case 'ready':
        this.ready();
        break;
      case 'status':
      case 'rules-set':
        this.questions.get(message.id)?.resolve(message);
        this.questions.delete(message.id);
        break;
      case 'log':
        if (this.logListener) this.logListener(message.level, message.event, message.fields);
        else this.earlyLog.push([message.level, message.event, message.fields]);
        break;
      case 'failed':
        this.fail(new DataPlaneError(message.error.message, message.error));
        break;
    }
  }

  /** The first cause counts. */
  private fail(error: Error): void {
    this.failure ??= error;
  }

  private ended(): void {
    this.hasExited = true;
    this.wake[Symbol.dispose]();
    if (!this.closing) {
      this.fail(new DataPlaneError('the data plane ended unasked'));
      if (this.failure) this.failureListener?.(this.failure);
    }
    for (const { reject } of this.questions.values()) reject(new DataPlaneError('the data plane has stopped'));
    this.questions.clear();
  }
}
