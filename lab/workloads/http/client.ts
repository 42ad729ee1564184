/** `node client.js URL BYTES SEED REQUESTS CONCURRENCY TIMEOUT_MS BIN_MS`: gets the file so many times (agent-program.ts, report.ts). */
import { createHash } from 'node:crypto';
import { get } from 'node:http';
import { begin, finish, nowUs } from '../agent-program.js';
import { contentHash } from './content.js';
import type { HttpReport, HttpRequest } from './report.js';

const [url = '', size = '', seed = '', requestCount = '', concurrency = '', timeout = '', bin = ''] =
  process.argv.slice(2);
const expected = contentHash(Number(size), seed);
const received: number[] = [];
const requests: HttpRequest[] = [];
let left = Number(requestCount);

await begin();
const startUs = nowUs();
await Promise.all(
  Array.from({ length: Number(concurrency) }, async () => {
    while (left-- > 0) requests.push(await request());
  }),
);
finish({ requests, received: Array.from(received, (bytes) => bytes ?? 0) } satisfies HttpReport);

/** One request over a connection of its own. */
function request(): Promise<HttpRequest> {
  return new Promise((resolve) => {
    const start = sinceStart();
    let firstByte: number | null = null;
    let bytes = 0;
    const hash = createHash('sha256');
    const end = (error: string | null): void => {
      clearTimeout(timer);
      const whole = error === null && bytes === Number(size);
      const intact = whole && hash.digest('hex') === expected;
      resolve({
        start,
        firstByte,
        end: sinceStart(),
        bytes,
        intact,
        error: error ?? (whole ? null : 'it was cut off'),
      });
    };
    const asked = get(url, { agent: false }, (response) => {
      response.on('data', (chunk: Buffer) => {
        firstByte ??= sinceStart();
        bytes += chunk.length;
        hash.update(chunk);
        const index = Math.floor((sinceStart() * 1000) / Number(bin));
        received[index] = (received[index] ?? 0) + chunk.length;
      });
      response.once('end', () => end(null));
      response.once('error', (error) => end(error.message));
    });
    asked.once('error', (error) => end(error.message));
    const timer = setTimeout(() => asked.destroy(new Error(`it took longer than ${timeout} ms`)), Number(timeout));
  });
}

function sinceStart(): number {
  return (nowUs() - startUs) / 1e6;
}
