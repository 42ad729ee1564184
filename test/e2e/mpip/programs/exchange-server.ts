/**
 * Answers the short exchanges of exchange-client.ts, and tells of every byte and datagram that any of its sockets gets: prints "ready",
 * then a line of JSON for each exchange and for each datagram that is none. Arguments: further UDP ports, where it answers whatever comes.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import {
  collected,
  numbered,
  print,
  randomSize,
  sha256,
  TCP_HEADER_BYTES,
  TCP_PORT,
  UDP_HEADER_BYTES,
  UDP_PORT,
} from './exchange.js';

const MOST_ANSWER_BYTES = 1200;
/** UDP answers by number: a request that comes again gets the same. */
const answers = new Map<number, { readonly request: string; readonly answer: Buffer }>();

const tcp = createServer({ allowHalfOpen: true }, async (socket) => {
  const request = await collected(socket);
  if (request.length < TCP_HEADER_BYTES) {
    print({ foreign: 'tcp', from: `${socket.remoteAddress}:${socket.remotePort}`, bytes: request.toString('hex') });
    socket.destroy();
    return;
  }
  const answer = randomBytes(request.readUInt32BE(4));
  print({ protocol: 'tcp', id: request.readUInt32BE(0), request: sha256(request), answer: sha256(answer) });
  socket.end(answer);
});
tcp.listen(TCP_PORT);

const sockets = (['udp4', 'udp6'] as const).flatMap((type) => {
  const udp = createSocket({ type, ipv6Only: type === 'udp6' });
  udp.on('message', (request, { address, port }) => {
    if (request.length < UDP_HEADER_BYTES) {
      print({ foreign: 'udp', from: `${address}:${port}`, bytes: request.toString('hex') });
      return;
    }
    const id = request.readUInt32BE(0);
    const known = answers.get(id);
    const answer = known?.answer ?? numbered(id, randomSize(MOST_ANSWER_BYTES));
    const hash = sha256(request);
    if (known === undefined) print({ protocol: 'udp', id, request: hash, answer: sha256(answer) });
    else if (known.request !== hash)
      print({ foreign: 'udp', from: `${address}:${port}`, bytes: request.toString('hex') });
    answers.set(id, { request: hash, answer });
    udp.send(answer, port, address);
  });
  const others = process.argv.slice(2).map((port) => {
    const other = createSocket({ type, ipv6Only: type === 'udp6' });
    other.on('message', (datagram, { address, port: from }) => {
      print({ foreign: `udp port ${port}`, from: `${address}:${from}`, bytes: datagram.toString('hex') });
      other.send('what?', from, address);
    });
    return other.bind(Number(port));
  });
  return [udp.bind(UDP_PORT), ...others];
});

await Promise.all([tcp, ...sockets].map((server) => once(server, 'listening')));
console.log('ready');
