/**
 * Packets of any IP protocol.
 *
 *     receive FAMILY PROTOCOL COUNT       prints "ready", then a line of JSON with the SHA-256 of each packet's content, in order of arrival
 *     send ADDRESS PROTOCOL BYTES...      prints the same of what it sends
 */
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Arena } from '../../../../src/host/arena.js';
import { AF_INET, AF_INET6, MSG_DONTWAIT, SOCK_RAW } from '../../../../src/host/syscall/constants.js';
import { check, recv, sendto, socket } from '../../../../src/host/syscall/libc.js';
import { family, SOCKADDR_BYTES, writeSocketAddress } from '../../../../src/host/syscall/socket-address.js';

const PATIENCE_MS = 10_000;
const PACKET_AT = 64;
const ROOM = 65_536;
const arena = Arena.allocate(1 << 17);
const { bytes: memory } = arena.memory;
const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

const [role, target = '', protocol, ...rest] = process.argv.slice(2);
const hashes = role === 'receive' ? await receive(Number(rest[0])) : send(rest.map(Number));
console.log(JSON.stringify(hashes));

function send(sizes: readonly number[]): string[] {
  const fd = check(socket(family(target), SOCK_RAW, Number(protocol)), 'socket SOCK_RAW');
  const addressBytes = writeSocketAddress(memory, 0, { address: target, port: 0 });
  return sizes.map((size) => {
    const content = randomBytes(size);
    memory.set(content, PACKET_AT + SOCKADDR_BYTES);
    check(sendto(fd, arena.address + PACKET_AT + SOCKADDR_BYTES, size, 0, arena.address, addressBytes), 'sendto');
    return sha256(content);
  });
}

async function receive(count: number): Promise<string[]> {
  const isSix = target === 'ipv6';
  const fd = check(socket(isSix ? AF_INET6 : AF_INET, SOCK_RAW, Number(protocol)), 'socket SOCK_RAW');
  console.log('ready');
  const hashes: string[] = [];
  for (const end = performance.now() + PATIENCE_MS; hashes.length < count && performance.now() < end; ) {
    const length = recv(fd, arena.address + PACKET_AT, ROOM, MSG_DONTWAIT);
    if (length < 0) await sleep(1);
    // IPv4 hands the IP header up, too.
    else
      hashes.push(sha256(memory.slice(PACKET_AT + (isSix ? 0 : (memory[PACKET_AT]! & 0x0f) * 4), PACKET_AT + length)));
  }
  return hashes;
}
