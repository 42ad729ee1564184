/** `node server.js PORT`: sends every datagram back, and reports when each came (agent-program.ts, report.ts). */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { finish, nowUs, serve } from '../agent-program.js';
import { HEADER_BYTES, sequenceOf } from './packet.js';
import type { Arrivals } from './report.js';

const [port = '', family = ''] = process.argv.slice(2);
const arrivals: Arrivals = { sequences: [], timesUs: [] };

const socket = createSocket(family === '6' ? 'udp6' : 'udp4');
socket.on('message', (packet, { port: from, address }) => {
  const time = nowUs();
  // A lost echo shows in the client's report.
  socket.send(packet, from, address, () => {});
  if (packet.length < HEADER_BYTES) return;
  arrivals.sequences.push(sequenceOf(packet));
  arrivals.timesUs.push(time);
});
socket.on('error', () => {});
socket.bind(Number(port));
await once(socket, 'listening');
await serve();
finish(arrivals);
