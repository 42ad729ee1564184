/**
 * Makes short exchanges with exchange-server.ts, some at a time, to several of its addresses in turn, and prints a line of JSON for each:
 *
 *     [--lossy] TCP UDP ADDRESS...
 *
 * TCP and UDP say how many of each; all are numbered from 0. With --lossy packets may be lost on the way: many exchanges are made at
 * a time, and a UDP request is sent again until it is answered, whose answer may come again, too. Every datagram that its sockets get and that is not the
 * answer to a request which waits for one is told, too.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
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

/** A socket of each family, open to the end, so that nothing that comes late or unasked is missed. One request at a time. */
class Lane {
  private readonly udp4 = this.opened('udp4');
  private readonly udp6 = this.opened('udp6');
  private waiting: { id: number; address: string; answered(datagram: Buffer): void } | undefined;
  /** Answers to requests that were sent again. */
  private readonly known = new Map<number, Buffer>();

  ask(id: number, request: Buffer, address: string): Promise<Buffer> {
    return new Promise<Buffer>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`UDP exchange ${id}: no answer`)), ANSWER_TIMEOUT_MS);
      const ask = (): void => (isIPv6(address) ? this.udp6 : this.udp4).send(request, UDP_PORT, address);
      let asked = 1;
      const again = setInterval(() => {
        if (!lossy) return;
        asked++;
        ask();
      }, AGAIN_MS);
      const answered = (datagram: Buffer): void => {
        clearTimeout(late);
        clearInterval(again);
        if (asked > 1) this.known.set(id, datagram);
        this.waiting = undefined;
        resolve(datagram);
      };
      this.waiting = { id, address, answered };
      ask();
    });
  }

  close(): void {
    this.udp4.close();
    this.udp6.close();
  }

  private opened(type: 'udp4' | 'udp6'): Socket {
    return createSocket(type).on('message', (datagram, { address, port }) => {
      const { waiting } = this;
      const isAnswer =
        waiting?.address === address &&
        port === UDP_PORT &&
        datagram.length >= UDP_HEADER_BYTES &&
        datagram.readUInt32BE(0) === waiting.id;
      const isKnown = datagram.length >= UDP_HEADER_BYTES && this.known.get(datagram.readUInt32BE(0))?.equals(datagram);
      if (isAnswer) waiting.answered(datagram);
      else if (isKnown) return;
      else print({ foreign: 'udp', from: `${address}:${port}`, bytes: datagram.toString('hex') });
    });
  }
}

const lossy = process.argv[2] === '--lossy';
const AT_A_TIME = lossy ? 128 : 8;
/** When an answer is missed: longer than any round trip of a lab. */
const AGAIN_MS = 250;
const MOST_TCP_BYTES = lossy ? 8 << 10 : 64 << 10;
/** With its number a datagram that just fits an Ethernet frame, over IPv6 too. */
const MOST_UDP_BYTES = 1452 - UDP_HEADER_BYTES;
/** So many losses in a row do not happen, so this is not a time that tests take. */
const ANSWER_TIMEOUT_MS = lossy ? 60_000 : 10_000;

const [tcpWord, udpWord, ...addresses] = process.argv.slice(lossy ? 3 : 2);
const [tcpCount, udpCount] = [Number(tcpWord), Number(udpWord)];

await inTurn(tcpCount, (i) => exchangeTcp(i, addresses[i % addresses.length]!));
const lanes = Array.from({ length: AT_A_TIME }, () => new Lane());
await inTurn(udpCount, (i, lane) => exchangeUdp(tcpCount + i, addresses[i % addresses.length]!, lanes[lane]!));
for (const lane of lanes) lane.close();

async function inTurn(count: number, exchange: (i: number, lane: number) => Promise<void>): Promise<void> {
  let next = 0;
  const run = async (_: unknown, lane: number): Promise<void> => {
    while (next < count) await exchange(next++, lane);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, run));
}

async function exchangeTcp(id: number, address: string): Promise<void> {
  const request = randomBytes(TCP_HEADER_BYTES + randomSize(MOST_TCP_BYTES));
  request.writeUInt32BE(id, 0);
  request.writeUInt32BE(randomSize(MOST_TCP_BYTES), 4);
  const socket = connect({ port: TCP_PORT, host: address, allowHalfOpen: true });
  socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy(new Error(`TCP exchange ${id}: no answer`)));
  socket.end(request);
  const answer = await collected(socket);
  print({ protocol: 'tcp', id, request: sha256(request), answer: sha256(answer) });
}

async function exchangeUdp(id: number, address: string, lane: Lane): Promise<void> {
  const request = numbered(id, randomSize(MOST_UDP_BYTES));
  const answer = await lane.ask(id, request, address);
  print({ protocol: 'udp', id, request: sha256(request), answer: sha256(answer) });
}
