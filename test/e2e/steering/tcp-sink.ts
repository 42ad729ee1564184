/** Takes TCP connections on 5000; prints "ready", then bytes and SHA-256 of each connection as JSON. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';

createServer((socket) => {
  const hash = createHash('sha256');
  let bytes = 0;
  socket.on('data', (data) => {
    bytes += data.length;
    hash.update(data);
  });
  socket.on('end', () => {
    console.log(JSON.stringify({ bytes, sha256: hash.digest('hex') }));
    socket.end();
  });
}).listen(5000, '::', () => console.log('ready'));
// The test is gone.
process.stdin.resume().once('end', () => process.exit(1));
