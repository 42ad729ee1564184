/**
 * What ping and traceroute do, neither of which every machine has: `ADDRESS HOPS` (IPv4). Prints as JSON how many echo requests came back as
 * they were, and what ICMP answered to a UDP datagram with each time to live up to HOPS: "address type/code".
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { checksum } from '../../../../src/core/wire/checksum.js';
import { Arena } from '../../../../src/host/arena.js';
import { AF_INET, MSG_DONTWAIT, SOCK_RAW } from '../../../../src/host/syscall/constants.js';
import { check, recv, sendto, socket } from '../../../../src/host/syscall/libc.js';

const IPPROTO_ICMP = 1;
const ECHO_REPLY = 0;
const ECHO_REQUEST = 8;
const ICMP_HEADER_BYTES = 8;
const IPV4_HEADER_BYTES = 20;
const SOCKADDR_BYTES = 16;
/** Nobody listens there. */
const UNUSED_PORT = 33_500;
/** From one byte to fragments. */
const ECHO_SIZES = [1, 56, 500, 1400, 1472, 4000];
const ANSWER_TIMEOUT_MS = 3000;

const [address = '', hops] = process.argv.slice(2);
const arena = Arena.allocate(1 << 17);
const { bytes: memory } = arena.memory;
const PACKET_AT = 64;
const RECEIVED_AT = 1 << 16;
// The kernel takes apart what it sends, and adds the IP header; what it hands up has one.
const raw = check(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), 'socket IPPROTO_ICMP');

let echoes = 0;
for (const [sequence, bytes] of ECHO_SIZES.entries()) {
  const request = echoRequest(sequence, bytes);
  send(request);
  const reply = Buffer.from(request);
  reply.writeUInt8(ECHO_REPLY, 0);
  const [, answer] = await received(
    (_from, message) => message.subarray(4).equals(reply.subarray(4)) && message[0] === ECHO_REPLY,
  );
  if (checksum(answer, 0, answer.length) === 0) echoes++;
}

const trace: string[] = [];
const udp = createSocket('udp4').bind();
await once(udp, 'listening');
for (let hop = 1; hop <= Number(hops); hop++) {
  const port = UNUSED_PORT + hop;
  udp.setTTL(hop);
  udp.send(randomBytes(32), port, address);
  // The datagram comes back behind the header: its own IP header, then its ports.
  const isAbout = (message: Buffer) =>
    message.length >= 32 && message.readUInt16BE(ICMP_HEADER_BYTES + IPV4_HEADER_BYTES + 2) === port;
  const [from, message] = await received((_from, candidate) => candidate[0] !== ECHO_REQUEST && isAbout(candidate));
  trace.push(`${from} ${message[0]}/${message[1]}`);
}
udp.close();
console.log(JSON.stringify({ echoes, sent: ECHO_SIZES.length, trace }));

function echoRequest(sequence: number, bytes: number): Buffer {
  const message = Buffer.concat([Buffer.alloc(ICMP_HEADER_BYTES), randomBytes(bytes)]);
  message.writeUInt8(ECHO_REQUEST, 0);
  message.writeUInt16BE(process.pid & 0xffff, 4);
  message.writeUInt16BE(sequence, 6);
  message.writeUInt16BE(checksum(message, 0, message.length), 2);
  return message;
}

function send(message: Buffer): void {
  memory.fill(0, 0, SOCKADDR_BYTES);
  memory[0] = AF_INET;
  memory.set(address.split('.').map(Number), 4);
  memory.set(message, PACKET_AT);
  check(sendto(raw, arena.address + PACKET_AT, message.length, 0, arena.address, SOCKADDR_BYTES), 'sendto');
}

/** The next ICMP message that is wanted, with its sender. */
async function received(isWanted: (from: string, message: Buffer) => boolean): Promise<[string, Buffer]> {
  const deadline = performance.now() + ANSWER_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const length = recv(raw, arena.address + RECEIVED_AT, RECEIVED_AT, MSG_DONTWAIT);
    if (length < IPV4_HEADER_BYTES + ICMP_HEADER_BYTES) {
      await sleep(1);
      continue;
    }
    const packet = Buffer.from(memory.subarray(RECEIVED_AT, RECEIVED_AT + length));
    const from = packet.subarray(12, 16).join('.');
    const message = packet.subarray((packet[0]! & 0x0f) * 4);
    if (isWanted(from, message)) return [from, message];
  }
  throw new Error(`no answer from ${address}: ${echoes} echoes, ${trace.join(', ')}`);
}
