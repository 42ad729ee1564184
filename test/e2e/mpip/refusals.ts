/** What an application hears of a port where nobody listens. */
import { expect } from 'chai';
import type { Lab } from '../../../lab/lab.js';

export const CLOSED_PORT = 5999;

/** Sends to a port where nobody listens, until the socket hears of it. */
const UNREACHABLE = (address: string): string => `
const socket = require('node:dgram').createSocket('${address.includes(':') ? 'udp6' : 'udp4'}');
socket.connect(${CLOSED_PORT}, '${address}', () => {
  let sent = 0;
  const refusals = new Map();
  const timer = setInterval(() => {
    if (++sent > 60) { clearInterval(timer); socket.close(); console.log(JSON.stringify({ sent, refusals: [...refusals] })); return; }
    socket.send('x', (error) => error && refusals.set(error.code, (refusals.get(error.code) ?? 0) + 1));
  }, 20);
  socket.on('error', (error) => refusals.set(error.code, (refusals.get(error.code) ?? 0) + 1));
});`;

/** Sends 60 datagrams in 1.2 s; returns how often the socket was told that they are refused, which is all that it may be told. */
export async function refusalsOf(lab: Lab, node: string, address: string): Promise<number> {
  const { stdout } = await lab.node(node).exec([process.execPath, '-e', UNREACHABLE(address)]);
  const { refusals } = JSON.parse(stdout) as { refusals: [string, number][] };
  expect(refusals.map(([code]) => code)).to.deep.equal(['ECONNREFUSED']);
  return refusals[0]![1];
}
