/** A stream of UDP datagrams between two nodes of a lab, whose content is checked. */
import { fileURLToPath } from 'node:url';
import type { Lab } from '../../../lab/lab.js';
import type { UdpOutcome } from './programs/udp-stream.js';

const PROGRAM = fileURLToPath(new URL('programs/udp-stream.ts', import.meta.url));
const UDP_STREAM_PORT = 5001;

export interface UdpStreamOptions {
  readonly from: string;
  readonly to: string;
  /** Of the receiver. */
  readonly address: string;
  /** bit/s of payload. */
  readonly rate: number;
  /** Of a datagram. */
  readonly bytes: number;
  readonly count: number;
  /** Whether the second half carries IPv6 destination options. */
  readonly destinationOptions?: boolean;
}

/** Sends the datagrams; resolves with what the receiver saw when all are through. */
export async function udpStream(lab: Lab, options: UdpStreamOptions): Promise<UdpOutcome> {
  const { from, to, address, rate, bytes, count, destinationOptions = false } = options;
  const program = [process.execPath, '--import', 'tsx', PROGRAM];
  const lines: string[] = [];
  await using receiver = await lab.node(to).spawn([...program, 'receive', String(UDP_STREAM_PORT)], {
    readyWhen: /^listening$/,
    onLine: (line, stream) => void (stream === 'stdout' && line.startsWith('{') && lines.push(line)),
  });
  const task = ['send', address, ...[UDP_STREAM_PORT, rate, bytes, count].map(String)];
  await lab.node(from).exec([...program, ...task, ...(destinationOptions ? ['options'] : [])]);
  const { exitCode } = await receiver.exited;
  const [line] = lines;
  if (line === undefined) throw new Error(`${to} said nothing and ended with ${exitCode}: ${receiver.stderr}`);
  return JSON.parse(line) as UdpOutcome;
}
