/** `node server.js PORT BYTES SEED`: serves one file to all who ask (agent-program.ts). */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { finish, serve } from '../agent-program.js';
import { contentOf } from './content.js';

const [port = '', size = '', seed = ''] = process.argv.slice(2);
const bytes = Number(size);

const server = createServer((_, response) => {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes });
  const body = Readable.from(contentOf(bytes, seed), { objectMode: false });
  // Clients that go away are what some experiments are about.
  response.on('close', () => body.destroy());
  body.pipe(response);
});
server.listen(Number(port));
await once(server, 'listening');
await serve();
finish({});
