/**
 * Sends datagrams with DF as QUIC does, which finds out itself how long they may be (RFC 8899). `ADDRESS PORT BYTES`: one each 20 ms, short
 * ones until SIGUSR2, then of BYTES until the stack refuses one. Prints a line of JSON.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { probeMtu } from './socket-option.js';

const PAUSE_MS = 20;
const ATTEMPTS = 100;
const SHORT_BYTES = 100;

const [address = '', port, bytes] = process.argv.slice(2);
const isSix = isIPv6(address);
const socket = createSocket(isSix ? 'udp6' : 'udp4');
socket.connect(Number(port), address);
await once(socket, 'connect');
probeMtu(socket, isSix);
const refusals: string[] = [];
socket.on('error', (error: NodeJS.ErrnoException) => refusals.push(error.code ?? error.message));

let isOpen = false;
process.on('SIGUSR2', () => {
  isOpen = true;
});
console.log('ready');
let sent = 0;
while (refusals.length === 0 && sent < ATTEMPTS) {
  if (isOpen) sent++;
  socket.send(randomBytes(isOpen ? Number(bytes) : SHORT_BYTES), (error: NodeJS.ErrnoException | null) => {
    if (error !== null) refusals.push(error.code ?? error.message);
  });
  await sleep(PAUSE_MS);
}
socket.close();
console.log(JSON.stringify({ refusals: [...new Set(refusals)] }));
