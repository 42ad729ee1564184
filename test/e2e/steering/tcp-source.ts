/**
 * Sends random bytes to ADDRESS until something comes on standard input, then AFTER bytes more. Prints "flowing" soon, and bytes and SHA-256
 * as JSON at the end.
 */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';

const FLOWING_BYTES = 1 << 20;
const CHUNK_BYTES = 64 << 10;

const [address, after] = process.argv.slice(2);
const hash = createHash('sha256');
let bytes = 0;
let end = Number.POSITIVE_INFINITY;
process.stdin.once('data', () => {
  end = bytes + Number(after);
});
// The test is gone.
process.stdin.once('end', () => process.exit(1));

const socket = connect(5000, address);
socket.resume();
while (bytes < end) {
  const chunk = randomBytes(CHUNK_BYTES);
  hash.update(chunk);
  bytes += chunk.length;
  if (!socket.write(chunk)) await once(socket, 'drain');
  if (bytes === FLOWING_BYTES) console.log('flowing');
}
socket.end();
await once(socket, 'end');
console.log(JSON.stringify({ bytes, sha256: hash.digest('hex') }));
process.exit();
