/**
 * A stream of UDP datagrams whose content the receiver knows.
 *
 *     receive PORT                                prints "listening"; at the end a line of JSON (UdpOutcome)
 *     send ADDRESS PORT RATE BYTES COUNT [options]   RATE in bit/s of payload, BYTES of each datagram; with `options` the second half
 *                                                 of them carries IPv6 destination options
 */
import { createCipheriv } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { addDestinationOptions } from './socket-option.js';

/** What a receiver says at the end. */
export interface UdpOutcome {
  readonly received: number;
  /** Datagrams with other bytes than were sent, and those that came again. */
  readonly wrong: number;
  readonly again: number;
}

const NUMBER_BYTES = 4;
const END = 0xffffffff;
const ENDS = 5;
const PAUSE_MS = 100;
const TICK_MS = 1;
/** What a late timer owes is sent at once, up to this: more would be a burst that overflows queues. */
const LONGEST_BURST_MS = 10;
/** Content is cut out of this, from a place that depends on the number. */
const TABLE = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(1 << 17));

const [role, ...args] = process.argv.slice(2);
if (role === 'receive') receive(Number(args[0]));
else await send(args[0]!, ...(args.slice(1, 5).map(Number) as [number, number, number, number]), args[5] === 'options');

function datagram(number: number, bytes: number): Buffer {
  const from = (number * 61) % (1 << 16);
  const content = Buffer.from(TABLE.subarray(from, from + bytes));
  content.writeUInt32BE(number, 0);
  return content;
}

function receive(port: number): void {
  const seen = new Set<number>();
  let wrong = 0;
  let again = 0;
  const socket = createSocket('udp6').on('message', (message) => {
    const number = message.length >= NUMBER_BYTES ? message.readUInt32BE(0) : Number.NaN;
    if (number === END) {
      socket.close();
      const outcome: UdpOutcome = { received: seen.size, wrong, again };
      console.log(JSON.stringify(outcome));
      return;
    }
    if (!message.equals(datagram(number, message.length))) wrong++;
    else if (seen.has(number)) again++;
    seen.add(number);
  });
  socket.bind(port, '::', () => console.log('listening'));
}

async function send(
  address: string,
  port: number,
  rate: number,
  bytes: number,
  count: number,
  withOptions: boolean,
): Promise<void> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4').bind();
  await once(socket, 'listening');
  const transmit = (content: Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.send(content, port, address, (error) => (error === null ? resolve() : reject(error)));
    });
  const perMs = rate / (8 * bytes) / 1000;
  let start = performance.now();
  let withoutOptions = withOptions;
  for (let sent = 0; sent < count; ) {
    const owed = Math.floor((performance.now() - start) * perMs);
    const burst = Math.min(owed, Math.ceil(LONGEST_BURST_MS * perMs), count - sent);
    if (burst < owed) start = performance.now();
    else start += burst / perMs;
    if (withoutOptions && sent > count / 2) {
      addDestinationOptions(socket);
      withoutOptions = false;
    }
    await Promise.all(Array.from({ length: burst }, (_, i) => transmit(datagram(sent + i, bytes))));
    sent += burst;
    await sleep(TICK_MS);
  }
  for (let i = 0; i < ENDS; i++) {
    await sleep(PAUSE_MS);
    const end = Buffer.alloc(NUMBER_BYTES);
    end.writeUInt32BE(END, 0);
    await transmit(end);
  }
  socket.close();
}
