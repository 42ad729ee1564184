import type { Socket } from 'node:net';
import type { z } from 'zod';
import { RuleError, type RuleListing } from '../rules/table.js';
import { LineReader } from './line-reader.js';
import {
  type ControlAnswer,
  type ControlMethod,
  type ControlResults,
  type DaemonStatus,
  MAX_REQUEST_CHARACTERS,
  MIN_WATCH_INTERVAL_MS,
  paramsSchemas,
  type RefusalCode,
  type RequestId,
  requestSchema,
  watchParamsSchema,
} from './protocol.js';

/** Where answers come from. All reject when the data plane does not answer. */
export interface ControlSource {
  status(): Promise<DaemonStatus>;
  rules(): Promise<RuleListing[]>;
  /** These three reject with RuleError when they refuse. */
  addRule(rule: unknown, before?: string): Promise<RuleListing[]>;
  removeRule(name: string): Promise<RuleListing[]>;
  loadRules(rules: unknown): Promise<RuleListing[]>;
}

type Answer<M extends ControlMethod> = (source: ControlSource, params: unknown) => Promise<ControlResults[M]>;

const METHODS: { readonly [M in ControlMethod]: Answer<M> } = {
  status: (source) => source.status(),
  nodes: async (source) => (await source.status()).peers,
  sessions: async (source) => (await source.status()).sessions,
  paths: async (source) => (await source.status()).paths,
  availability: async (source) => (await source.status()).availability,
  rules: (source) => source.rules(),
  'rules-add': async (source, params) => {
    const { rule, before } = parseParams('rules-add', params);
    return source.addRule(rule, before);
  },
  'rules-remove': async (source, params) => source.removeRule(parseParams('rules-remove', params).name),
  'rules-load': async (source, params) => source.loadRules(parseParams('rules-load', params).rules),
};

class BadParams extends Error {
  readonly code = 'E_BAD_REQUEST';
}

function parseParams<M extends keyof typeof paramsSchemas>(method: M, params: unknown) {
  const parsed = paramsSchemas[method].safeParse(params);
  if (parsed.success) return parsed.data as z.output<(typeof paramsSchemas)[M]>;
  const keys = Object.keys(paramsSchemas[method].shape).join(', ');
  throw new BadParams(`${method} takes "params" with: ${keys}`);
}

/** Requests of one client that may wait for an answer; reading stops until there is room. */
const MAX_PENDING = 4;
const MAX_WATCHES = 4;
/** A client that takes nothing of what waits for it for so long is gone. */
const STALLED_MS = 10_000;

/** One client. It never costs more memory than its pending requests and one answer to each. */
export class ControlConnection {
  readonly #socket: Socket;
  readonly #source: ControlSource;
  readonly #lines = new LineReader(MAX_REQUEST_CHARACTERS);
  readonly #watches = new Set<NodeJS.Timeout>();
  #queue: string[] = [];
  #pending = 0;
  #ended = false;

  constructor(socket: Socket, source: ControlSource, full: boolean) {
    this.#socket = socket;
    this.#source = source;
    socket.setEncoding('utf8');
    // A client may vanish at any moment; "close" follows.
    socket.on('error', () => {});
    socket.once('close', () => this.#stop());
    if (full) {
      this.#refuse(null, 'E_BUSY', 'too many clients');
      socket.destroySoon();
      return;
    }
    socket.on('data', (chunk: string) => this.#receive(chunk));
    socket.on('drain', () => {
      socket.setTimeout(0);
      this.#advance();
    });
    socket.on('timeout', () => socket.destroy());
    socket.once('end', () => {
      const rest = this.#lines.rest();
      if (rest.trim() !== '') this.#queue.push(rest);
      this.#ended = true;
      // Who sends nothing more may be gone, which only a write would show.
      this.#stopWatches();
      this.#advance();
    });
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #stop(): void {
    this.#stopWatches();
    this.#queue = [];
  }

  #stopWatches(): void {
    for (const timer of this.#watches) clearInterval(timer);
    this.#watches.clear();
  }

  #receive(chunk: string): void {
    const { lines, tooLong } = this.#lines.push(chunk);
    this.#queue.push(...lines);
    if (tooLong) {
      this.#refuse(null, 'E_TOO_LONG', `a request has at most ${MAX_REQUEST_CHARACTERS} characters`);
      this.#socket.removeAllListeners('data');
      this.#socket.destroySoon();
      return;
    }
    this.#advance();
  }

  /** Takes up what was read as far as there is room for the answers. */
  #advance(): void {
    while (this.#queue.length > 0 && this.#pending < MAX_PENDING && !this.#socket.writableNeedDrain) {
      const line = (this.#queue.shift() as string).trim();
      if (line !== '') this.#handle(line);
    }
    if (this.#queue.length > 0) this.#socket.pause();
    else if (this.#ended && this.#pending === 0) this.#socket.end();
    else this.#socket.resume();
  }

  #handle(line: string): void {
    const request = requestSchema.safeParse(parseJson(line));
    if (!request.success) {
      this.#refuse(null, 'E_BAD_REQUEST', 'expected a line of JSON: {"id": 1, "method": "status"}');
      return;
    }
    const { id, method, params = {} } = request.data;
    if (method === 'watch') this.#watch(id, params);
    else if (Object.hasOwn(METHODS, method)) {
      const ask = METHODS[method as ControlMethod];
      this.#answer(id, async () => ({ id, result: await ask(this.#source, params) }));
    } else {
      const known = [...Object.keys(METHODS), 'watch'].join(', ');
      this.#refuse(id, 'E_UNKNOWN_METHOD', `no method ${JSON.stringify(method)}; there are: ${known}`);
    }
  }

  #answer(id: RequestId, answer: () => Promise<ControlAnswer>): void {
    this.#pending++;
    answer()
      .then(
        (given) => this.#write(given),
        (error: unknown) => this.#refuse(id, refusalCode(error), (error as Error).message),
      )
      .finally(() => {
        this.#pending--;
        this.#advance();
      });
  }

  #watch(id: RequestId, params: unknown): void {
    const parsed = watchParamsSchema.safeParse(params);
    if (!parsed.success) {
      this.#refuse(id, 'E_BAD_REQUEST', `expected "params": {"intervalMs": ${MIN_WATCH_INTERVAL_MS} or more}`);
      return;
    }
    if (this.#watches.size >= MAX_WATCHES) {
      this.#refuse(id, 'E_BUSY', `at most ${MAX_WATCHES} watches a client`);
      return;
    }
    if (this.#ended) {
      this.#answer(id, async () => ({ id, next: await this.#source.status() }));
      return;
    }
    let asking = false;
    const next = async (): Promise<void> => {
      // A client that is behind gets the present when it has caught up, not all of the past.
      if (asking || this.#socket.writableNeedDrain) return;
      asking = true;
      try {
        const status = await this.#source.status();
        this.#write({ id, next: status });
      } catch (error) {
        clearInterval(timer);
        this.#watches.delete(timer);
        this.#refuse(id, 'E_UNAVAILABLE', (error as Error).message);
        this.#advance();
      } finally {
        asking = false;
      }
    };
    const timer = setInterval(next, parsed.data.intervalMs);
    this.#watches.add(timer);
    void next();
  }

  #refuse(id: RequestId | null, code: RefusalCode, message: string): void {
    this.#write({ id, error: { code, message } });
  }

  #write(answer: ControlAnswer): void {
    if (!this.#socket.writable) return;
    if (!this.#socket.write(`${JSON.stringify(answer)}\n`)) this.#socket.setTimeout(STALLED_MS);
  }
}

function refusalCode(error: unknown): RefusalCode {
  return error instanceof RuleError || error instanceof BadParams ? error.code : 'E_UNAVAILABLE';
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
