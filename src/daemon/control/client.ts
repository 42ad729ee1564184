import { connect, type Socket } from 'node:net';
import type { RuleDefinition } from '../rules/table.js';
import { LineReader } from './line-reader.js';
import type {
  ControlAnswer,
  ControlMethod,
  ControlParams,
  ControlResults,
  DaemonStatus,
  RefusalCode,
} from './protocol.js';

const REQUEST_TIMEOUT_MS = 5000;
/** No status is near this long; a peer that sends more is no mpipd. */
const MAX_ANSWER_CHARACTERS = 256 << 20;

/**
 * E_NOT_RUNNING: nobody listens. E_NOT_PERMITTED: the socket belongs to another user. E_TIMEOUT: no answer.
 * E_DISCONNECTED: the daemon went away. E_PROTOCOL: what answers is not mpipd. Others: refused by the daemon.
 */
export type ControlErrorCode =
  | RefusalCode
  | 'E_NOT_RUNNING'
  | 'E_NOT_PERMITTED'
  | 'E_TIMEOUT'
  | 'E_DISCONNECTED'
  | 'E_PROTOCOL';

/** A daemon cannot be asked, or refuses. */
export class ControlError extends Error {
  override readonly name = 'ControlError';

  constructor(
    readonly code: ControlErrorCode,
    readonly socketPath: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

interface Waiting {
  answer(answer: ControlAnswer): void;
  fail(error: ControlError): void;
}

/** A connection to a running mpipd. */
export class ControlClient implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #socketPath: string;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #failure: ControlError | undefined;

  private constructor(socket: Socket, socketPath: string) {
    this.#socket = socket;
    this.#socketPath = socketPath;
    const lines = new LineReader(MAX_ANSWER_CHARACTERS);
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      const { lines: complete, tooLong } = lines.push(chunk);
      for (const line of complete) this.#receive(line);
      if (tooLong) this.#fail(new ControlError('E_PROTOCOL', socketPath, `${socketPath} sends a line without end`));
    });
    socket.once('error', (cause) => this.#fail(this.#disconnected({ cause })));
    socket.once('close', () => this.#fail(this.#disconnected()));
  }

  /** Throws ControlError. */
  static async connect(socketPath: string): Promise<ControlClient> {
    const socket = connect(socketPath);
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (cause: NodeJS.ErrnoException) => reject(connectError(socketPath, cause)));
      socket.once('connect', resolve);
    });
    socket.removeAllListeners('error');
    return new ControlClient(socket, socketPath);
  }

  /** One answer of the daemon. Throws ControlError. */
  async request<M extends ControlMethod>(
    method: M,
    timeoutMs = REQUEST_TIMEOUT_MS,
    params?: M extends keyof ControlParams ? ControlParams[M] : undefined,
  ): Promise<ControlResults[M]> {
    const id = ++this.#lastId;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<ControlResults[M]>((resolve, reject) => {
        const fail = (error: ControlError): void => reject(error);
        const late = `mpipd did not answer within ${timeoutMs} ms (${this.#socketPath})`;
        timer = setTimeout(() => reject(new ControlError('E_TIMEOUT', this.#socketPath, late)), timeoutMs);
        const answer = (given: ControlAnswer): void => {
          if ('result' in given) resolve(given.result as ControlResults[M]);
          else reject(this.#unexpected(given));
        };
        this.#send(id, method, params, { answer, fail });
      });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  status(): Promise<ControlResults['status']> {
    return this.request('status');
  }

  nodes(): Promise<ControlResults['nodes']> {
    return this.request('nodes');
  }

  sessions(): Promise<ControlResults['sessions']> {
    return this.request('sessions');
  }

  paths(): Promise<ControlResults['paths']> {
    return this.request('paths');
  }

  availability(): Promise<ControlResults['availability']> {
    return this.request('availability');
  }

  /** In their order, with how many packets took each; the last entry stands for what no rule matches. */
  rules(): Promise<ControlResults['rules']> {
    return this.request('rules');
  }

  /** In front of the rule called `before`, or at the end. This and the next two throw ControlError (E_RULES) when refused. */
  addRule(rule: RuleDefinition, before?: string): Promise<ControlResults['rules']> {
    return this.request('rules-add', undefined, { rule, ...(before !== undefined && { before }) });
  }

  removeRule(name: string): Promise<ControlResults['rules']> {
    return this.request('rules-remove', undefined, { name });
  }

  /** In place of all rules that there are. */
  loadRules(rules: readonly RuleDefinition[]): Promise<ControlResults['rules']> {
    return this.request('rules-load', undefined, { rules: [...rules] });
  }

  /**
   * Snapshots, the first at once. A consumer that is slower than the interval gets the newest, not all. Ends when `signal` aborts
   * or the loop is left, and the connection with it; throws ControlError when the daemon goes away.
   */
  async *watch(options: { intervalMs: number; signal?: AbortSignal }): AsyncGenerator<DaemonStatus, void, void> {
    let newest: DaemonStatus | undefined;
    let failure: ControlError | undefined;
    let wake = (): void => {};
    const stop = (): void => wake();
    options.signal?.addEventListener('abort', stop);
    const id = ++this.#lastId;
    this.#send(
      id,
      'watch',
      { intervalMs: options.intervalMs },
      {
        answer: (given) => {
          if ('next' in given) newest = given.next as DaemonStatus;
          else failure = this.#unexpected(given);
          wake();
        },
        fail: (error) => {
          failure = error;
          wake();
        },
      },
    );
    try {
      while (!options.signal?.aborted) {
        if (newest) {
          const snapshot = newest;
          newest = undefined;
          yield snapshot;
        } else if (failure) throw failure;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      options.signal?.removeEventListener('abort', stop);
      this.#waiting.delete(id);
      await this.close();
    }
  }

  /** Idempotent; open requests fail. */
  async close(): Promise<void> {
    if (this.#socket.closed) return;
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    this.#socket.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #send(id: number, method: string, params: object | undefined, waiting: Waiting): void {
    if (this.#failure) {
      waiting.fail(this.#failure);
      return;
    }
    this.#waiting.set(id, waiting);
    this.#socket.write(`${JSON.stringify({ id, method, params })}\n`);
  }

  #receive(line: string): void {
    const answer = parseAnswer(line);
    if (!answer)
      this.#fail(new ControlError('E_PROTOCOL', this.#socketPath, `what listens on ${this.#socketPath} is not mpipd`));
    // An answer to no request in particular concerns all.
    else if (answer.id === null) this.#fail(this.#unexpected(answer));
    else this.#waiting.get(Number(answer.id))?.answer(answer);
  }

  #unexpected(answer: ControlAnswer): ControlError {
    if (!('error' in answer))
      return new ControlError('E_PROTOCOL', this.#socketPath, 'mpipd gave an answer of another kind');
    return new ControlError(answer.error.code, this.#socketPath, answer.error.message);
  }

  #disconnected(options?: ErrorOptions): ControlError {
    return new ControlError(
      'E_DISCONNECTED',
      this.#socketPath,
      `mpipd closed the connection (${this.#socketPath})`,
      options,
    );
  }

  #fail(error: ControlError): void {
    this.#failure ??= error;
    for (const waiting of this.#waiting.values()) waiting.fail(this.#failure);
    this.#waiting.clear();
    this.#socket.destroy();
  }
}

function parseAnswer(line: string): ControlAnswer | undefined {
  try {
    const answer: unknown = JSON.parse(line);
    return typeof answer === 'object' && answer !== null && 'id' in answer ? (answer as ControlAnswer) : undefined;
  } catch {
    return undefined;
  }
}

function connectError(socketPath: string, cause: NodeJS.ErrnoException): ControlError {
  switch (cause.code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
    case 'ENOTSOCK':
    case 'ENOTDIR':
      return new ControlError('E_NOT_RUNNING', socketPath, `mpipd is not running: nobody listens on ${socketPath}`, {
        cause,
      });
    case 'EACCES':
    case 'EPERM':
      return new ControlError('E_NOT_PERMITTED', socketPath, `${socketPath} belongs to another user: run as root`, {
        cause,
      });
    default:
      return new ControlError('E_DISCONNECTED', socketPath, `cannot connect to ${socketPath}: ${cause.message}`, {
        cause,
      });
  }
}
