/** Sends BYTES random bytes to port 5000 of ADDRESS and prints their SHA-256. */
import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';

const [address, bytes] = process.argv.slice(2);
const data = randomBytes(Number(bytes));
connect(5000, address).end(data);
console.log(createHash('sha256').update(data).digest('hex'));
