/** What client and server of short exchanges agree on: sizes, ports and the form of what goes over the wire. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';

export const TCP_PORT = 7000;
export const UDP_PORT = 7001;

/** A TCP request starts with its number and the size of the answer that it wants, 4 bytes each. */
export const TCP_HEADER_BYTES = 8;
/** A UDP request and its answer start with the request's number, 4 bytes. */
export const UDP_HEADER_BYTES = 4;

/** One side's view of an exchange. Both print theirs; they must be the same. */
export interface Exchange {
  readonly protocol: 'tcp' | 'udp';
  readonly id: number;
  /** SHA-256 of all bytes that went from client to server, and back. */
  readonly request: string;
  readonly answer: string;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Whole bytes from 1 to `most`, small and large ones alike likely: the logarithm is uniform. */
export function randomSize(most: number): number {
  return Math.max(1, Math.floor((most + 1) ** Math.random()));
}

/** All that comes until the other side ends. (Iterating over a socket would close it then.) */
export async function collected(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on('data', (part) => parts.push(part));
  await once(socket, 'end');
  return Buffer.concat(parts);
}

export function numbered(id: number, bytes: number): Buffer {
  const datagram = randomBytes(UDP_HEADER_BYTES + bytes);
  datagram.writeUInt32BE(id);
  return datagram;
}

export function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
