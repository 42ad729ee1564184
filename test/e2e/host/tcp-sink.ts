/** Takes one TCP connection on 5000; prints "ready", then bytes and SHA-256 of what came as JSON. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';

const server = createServer((socket) => {
  const hash = createHash('sha256');
  let bytes = 0;
  socket.on('data', (data) => {
    bytes += data.length;
    hash.update(data);
  });
  socket.on('end', () => {
    console.log(JSON.stringify({ bytes, sha256: hash.digest('hex') }));
    socket.end();
    server.close();
  });
}).listen(5000, '::', () => console.log('ready'));
