/**
 * The relay of one lab: `node main.js CONFIG`, in the relay's network namespace. It says "ready" when packets pass, and answers
 * requests on its control socket (protocol.ts) until it is ended.
 */
import { readFileSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import { Wake } from '../../src/host/wake.js';
import type { Trace } from '../emulation/trace.js';
import type {
  ForwarderRequest,
  ForwarderStart,
  FromForwarder,
  RelayConfig,
  RelayReply,
  RelayRequest,
  ToForwarder,
} from './protocol.js';

const config: RelayConfig = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const wake = Wake.create();
const links = await Promise.all(
  config.links.map(async (link) => {
    const [there, back] = link.directions;
    return { ...link, traces: [await traceIn(there.trace), await traceIn(back.trace)] as const };
  }),
);
const start: ForwarderStart = { wakeFd: wake.fd, links };
const forwarder = new Worker(new URL(`./forwarder${import.meta.url.slice(-3)}`, import.meta.url), {
  workerData: start,
});

/** Requests in hand, by number. */
const waiting = new Map<number, (reply: RelayReply) => void>();
let requests = 0;

function tell(message: ToForwarder): void {
  forwarder.postMessage(message);
  wake.signal();
}

/** What reads traces takes longer to load than all the rest of the relay: only when there is one. */
async function traceIn<T extends string | null>(file: T): Promise<Trace | Extract<T, null>> {
  if (file === null) return file as Extract<T, null>;
  const { readTrace } = await import('../topology/traces.js');
  return readTrace(file);
}

async function forForwarder(request: RelayRequest): Promise<ForwarderRequest> {
  if (request.what !== 'change') return request;
  const { trace, ...change } = request.change;
  return trace === undefined
    ? { ...request, change }
    : { ...request, change: { ...change, trace: await traceIn(trace) } };
}

function serve(client: Socket): void {
  client.on('error', () => client.destroy());
  createInterface({ input: client }).on('line', (line) => {
    const { id, request } = JSON.parse(line);
    const own = requests++;
    const answer = (reply: RelayReply): boolean => client.write(`${JSON.stringify({ ...reply, id })}\n`);
    waiting.set(own, answer);
    forForwarder(request).then(
      (known) => tell({ id: own, request: known }),
      (error: Error) => {
        waiting.delete(own);
        answer({ id, error: error.message });
      },
    );
  });
}

const server = createServer(serve);

forwarder.on('message', (message: FromForwarder) => {
  if ('what' in message) {
    rmSync(config.socket, { force: true });
    server.listen(config.socket, () => process.stdout.write(`ready, ${message.priority} priority\n`));
    return;
  }
  waiting.get(message.id)?.(message);
  waiting.delete(message.id);
});
// Both end the process, which ends the links: nothing here can go on without the other.
forwarder.on('error', (error) => {
  process.stderr.write(`${error.stack ?? error.message}\n`);
  process.exit(1);
});
forwarder.on('exit', () => process.exit());
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => tell({ what: 'stop' }));
