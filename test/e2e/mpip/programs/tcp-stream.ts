/**
 * One TCP connection that carries one stream of random bytes.
 *
 *     (listen PORT | connect ADDRESS PORT) (send BYTES | receive)
 *
 * The sender sends BYTES bytes, or with BYTES = "on" until SIGUSR2; after SIGHUP its packets carry IPv6 destination options. Prints "listening" when it does, then lines of JSON: what it has
 * sent or received so far, and at the end the SHA-256 of all of it and the longest time in which nothing came.
 */
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { addDestinationOptions } from './socket-option.js';

const CHUNK_BYTES = 256 << 10;
const PROGRESS_MS = 50;

const args = process.argv.slice(2);
const [role, ...rest] = args;
const [direction, bytes] = role === 'listen' ? rest.slice(1) : rest.slice(2);
const socket = await (role === 'listen' ? accepted(Number(rest[0])) : connected(rest[0]!, Number(rest[1])));
await (direction === 'send'
  ? send(socket, bytes === 'on' ? Number.POSITIVE_INFINITY : Number(bytes))
  : receive(socket));

async function connected(address: string, port: number): Promise<Socket> {
  const socket = connect(port, address);
  await once(socket, 'connect');
  return socket;
}

async function accepted(port: number): Promise<Socket> {
  const server = createServer({ allowHalfOpen: true }).listen(port, '::', () => console.log('listening'));
  const [socket] = (await once(server, 'connection')) as [Socket];
  server.close();
  return socket;
}

async function send(socket: Socket, total: number): Promise<void> {
  let end = total;
  process.on('SIGUSR2', () => {
    end = 0;
  });
  process.on('SIGHUP', () => addDestinationOptions(socket));
  // The key stream of a cipher is random, and made faster than it is hashed.
  const random = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16));
  const zeros = Buffer.alloc(CHUNK_BYTES);
  const hash = createHash('sha256');
  let bytes = 0;
  const stop = every(() => print({ bytes }));
  socket.resume();
  const closed = once(socket, 'close');
  while (bytes < end) {
    const chunk = random.update(zeros.subarray(0, Math.min(CHUNK_BYTES, end - bytes)));
    hash.update(chunk);
    bytes += chunk.length;
    if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), closed]);
    if (socket.destroyed) throw new Error(`the connection was lost after ${bytes} bytes`);
  }
  socket.end();
  await closed;
  stop();
  print({ bytes, sha256: hash.digest('hex') });
}

async function receive(socket: Socket): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  let longestGapMs = 0;
  let last = performance.now();
  const stop = every(() => print({ bytes }));
  socket.on('data', (chunk) => {
    const now = performance.now();
    longestGapMs = Math.max(longestGapMs, now - last);
    last = now;
    hash.update(chunk);
    bytes += chunk.length;
  });
  await once(socket, 'end');
  stop();
  socket.end();
  print({ bytes, sha256: hash.digest('hex'), longestGapMs: Math.round(longestGapMs) });
}

function every(action: () => void): () => void {
  const timer = setInterval(action, PROGRESS_MS);
  return () => clearInterval(timer);
}

function print(line: Record<string, unknown>): void {
  console.log(JSON.stringify(line));
}
