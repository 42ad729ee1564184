/** Labs of two hosts, and what tests ask of them. */
import { Lab, type LabNode, parseTopology, type UpOptions } from '../../../lab/lab.js';

/** Links between hosts a and b, each with addresses 10.N.0.1 and 10.N.0.2 in their order from 1. */
export function upWith(links: readonly string[], options: UpOptions = {}, head = ''): Promise<Lab> {
  const lines = links.map(
    (link, i) => `  l${i + 1}: { ends: [a:eth${i}, b:eth${i}], subnet: 10.${i + 1}.0.0/24, ${link} }`,
  );
  const text = `name: relay\n${head}nodes: { a: { kind: host }, b: { kind: host } }\nlinks:\n${lines.join('\n')}`;
  return Lab.up(parseTopology(text, 'relay.yaml'), options);
}

export interface Iperf3Result {
  readonly bps: number;
  readonly lostShare: number;
}

const PORT = 5201;

/** One transfer from a to `target`, a server of its own at b. */
export async function iperf3(lab: Lab, target: string, ...options: string[]): Promise<Iperf3Result> {
  await using _server = await lab.node('b').spawn(['iperf3', '-s', '-1', '--forceflush'], { readyWhen: /listening/ });
  const command = ['iperf3', '-c', target, '-p', String(PORT), '--json', ...options];
  const report = JSON.parse((await lab.node('a').exec(command)).stdout);
  const sum = report.end.sum_received ?? report.end.sum;
  return { bps: sum.bits_per_second, lostShare: (report.end.sum?.lost_percent ?? 0) / 100 };
}

const RECEIVER = `
  const { createSocket } = require('node:dgram');
  const got = [];
  const socket = createSocket({ type: 'udp4', recvBufferSize: 8 << 20 });
  socket.on('message', (message) => {
    if (message.length > 4) got.push(message.readUInt32BE(0));
    else process.stdout.write(JSON.stringify(got) + '\\n', () => process.exit());
  });
  socket.bind(7000, () => console.log('ready'));`;
const SENDER = `
  const { createSocket } = require('node:dgram');
  const [target, count, gapUs] = process.argv.slice(1);
  const socket = createSocket('udp4');
  const start = performance.now();
  let sent = 0;
  const tick = () => {
    for (; sent < count && (performance.now() - start) * 1000 >= sent * gapUs; sent++) {
      const message = Buffer.alloc(200);
      message.writeUInt32BE(sent);
      socket.send(message, 7000, target);
    }
    if (sent < count) setImmediate(tick);
    else end(0);
  };
  const end = (n) => { socket.send('end', 7000, target); if (n < 40) setTimeout(end, 50, n + 1); else process.exit(); };
  socket.bind(() => tick());`;

/** Numbers of the datagrams that arrived at b, in their order, of `count` that a sent with a gap between. */
export async function datagrams(lab: Lab, target: string, count: number, gapUs: number): Promise<number[]> {
  await using receiver = await lab.node('b').spawn([process.execPath, '-e', RECEIVER], { readyWhen: /ready/ });
  // What waits for the neighbour's address can be overtaken, inside the sender's kernel, by what is sent when it has come.
  await lab.node('a').exec(['sh', '-c', `ping -q -c 1 -W 1 ${target} || true`]);
  await using _sender = await lab
    .node('a')
    .spawn([process.execPath, '-e', SENDER, target, String(count), String(gapUs)]);
  await receiver.exited;
  return JSON.parse(receiver.stdout.split('\n')[1] as string);
}

const ECHO = `
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('message', (message, from) => socket.send(message, from.port, from.address));
  socket.bind(7001, () => console.log('ready'));`;
const PING = `
  const socket = require('node:dgram').createSocket('udp4');
  const [target, count] = process.argv.slice(1);
  const times = [];
  socket.on('message', (message) => times.push(performance.now() - Number(message)));
  let sent = 0;
  const timer = setInterval(() => {
    socket.send(String(performance.now()), 7001, target);
    if (++sent < count) return;
    clearInterval(timer);
    setTimeout(() => { console.log(JSON.stringify(times)); process.exit(); }, 1500);
  }, 10);`;

/** Round trips of small datagrams from a to b, ms, sorted; the first are left out (addresses are looked up, programs warm up). */
export async function roundTripsMs(lab: Lab, target: string, count = 60): Promise<number[]> {
  await using _echo = await lab.node('b').spawn([process.execPath, '-e', ECHO], { readyWhen: /ready/ });
  const { stdout } = await lab.node('a').exec([process.execPath, '-e', PING, target, String(count)]);
  return (JSON.parse(stdout) as number[]).slice(10).sort((a, b) => a - b);
}

export function median(sorted: readonly number[]): number {
  return sorted[sorted.length >> 1] as number;
}

export async function carrierOf(node: LabNode, device: string): Promise<string> {
  return (await node.exec(['sh', '-c', `cat /sys/class/net/${device}/carrier 2>/dev/null || echo down`])).stdout.trim();
}
