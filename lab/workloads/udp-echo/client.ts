/** `node client.js ADDRESS PORT BYTES INTERVAL_US COUNT`: sends datagrams at even intervals and takes their echoes (agent-program.ts, report.ts). */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { begin, finish, nowUs } from '../agent-program.js';
import { HEADER_BYTES, sequenceOf, writeHeader } from './packet.js';
import type { ClientReport } from './report.js';

/** Echoes that take longer count as lost. */
const PATIENCE_MS = 2000;

const [address = '', port = '', ...figures] = process.argv.slice(2);
const [bytes = 0, intervalUs = 0, count = 0] = figures.map(Number);
const report: ClientReport = { sentUs: [], echoes: { sequences: [], timesUs: [] } };

const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
let heard = 0;
let allHeard = (): void => {};
const complete = new Promise<void>((resolve) => {
  allHeard = resolve;
});
socket.on('message', (packet) => {
  if (packet.length < HEADER_BYTES) return;
  report.echoes.timesUs.push(nowUs());
  report.echoes.sequences.push(sequenceOf(packet));
  if (++heard >= count) allHeard();
});
// Connected sockets report ICMP errors, which are what some experiments are about.
socket.on('error', () => {});
socket.connect(Number(port), address);
await once(socket, 'connect');

await begin();
const startUs = nowUs();
for (let sequence = 0; sequence < count; ) {
  const now = nowUs();
  for (; sequence < count && startUs + sequence * intervalUs <= now; sequence++) {
    const packet = Buffer.alloc(bytes, sequence & 0xff);
    const time = nowUs();
    writeHeader(packet, sequence, time);
    report.sentUs.push(time);
    socket.send(packet, () => {});
  }
  if (sequence < count) await sleep(Math.max(1, (startUs + sequence * intervalUs - nowUs()) / 1000));
}
await Promise.race([complete, sleep(PATIENCE_MS)]);
finish(report);
