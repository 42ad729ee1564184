/**
 * Numbered UDP datagrams from one host to another.
 *
 *     receive PORT                           prints "listening"; after SIGUSR2 a line of JSON with all numbers in order of arrival
 *     send ADDRESS PORT BYTES COUNT          one datagram a millisecond, from a socket that is bound once
 */
import { createSocket } from 'node:dgram';

const PER_TICK_MS = 1;
const NUMBER_BYTES = 4;

const [role, ...args] = process.argv.slice(2);
if (role === 'receive') receive(Number(args[0]));
else send(args[0]!, ...(args.slice(1).map(Number) as [number, number, number]));

function receive(port: number): void {
  const numbers: number[] = [];
  const socket = createSocket('udp4').on('message', (datagram) => numbers.push(datagram.readUInt32BE(0)));
  socket.bind(port, () => console.log('listening'));
  process.on('SIGUSR2', () => {
    console.log(JSON.stringify(numbers));
    socket.close();
  });
}

function send(address: string, port: number, bytes: number, count: number): void {
  if (bytes < NUMBER_BYTES) throw new RangeError(`a numbered datagram of ${bytes} bytes`);
  const socket = createSocket('udp4');
  const start = performance.now();
  let sent = 0;
  let left = 0;
  const leave = (error: Error | null): void => {
    if (error !== null) throw error;
    left++;
    if (left === count) socket.close();
  };
  const timer = setInterval(() => {
    // Timers are late now and then; what they owe is sent at once.
    const due = Math.min(count, Math.floor((performance.now() - start) / PER_TICK_MS));
    for (; sent < due; sent++) {
      const datagram = Buffer.alloc(bytes);
      datagram.writeUInt32BE(sent, 0);
      socket.send(datagram, port, address, leave);
    }
    if (sent === count) clearInterval(timer);
  }, PER_TICK_MS);
}
