import { expect } from 'chai';
import { Internet } from './scenario/internet.js';
import { BulkTcp } from './world/bulk-tcp.js';
import type { LinkParameters } from './world/link.js';

const BYTES = 16 << 20;
/** The bound of the selftest for MPTCP, us. */
const BOUND = 7_906_000;
const CLIENT = ['198.51.100.1', '198.51.100.2'] as const;
const SERVER = '203.0.113.10';
const SETTLE = 1e6;
/** What shapers count for a full packet, and what the simulated link does. */
const [FRAME, PACKET] = [1514, 1500];

/** Mbit/s and ms of both paths. */
const CASES = [
  ['10 and 10 Mbit/s', 10, 10, 0, 0],
  ['10 and 10 Mbit/s, 1 and 25 ms', 10, 10, 1, 25],
  ['15 and 5 Mbit/s', 15, 5, 0, 0],
  ['15 and 5 Mbit/s, 1 and 25 ms', 15, 5, 1, 25],
  ['15 and 5 Mbit/s, 25 and 1 ms', 15, 5, 25, 1],
] as const;

/** What may wait in front of a link of so many bit/s, bytes: netem's 1000 packets, which the selftest has, and the lab's own 50 ms. */
const QUEUES = [
  ['1000 packets', () => 1000 * PACKET],
  ['50 ms', (rate: number) => Math.max(10 * PACKET, (rate / 8) * 0.05)],
] as const;

/** us that 16 MiB of one CUBIC flow take between a host with two interfaces and one with a single one behind a router. */
function transfer(seed: number, links: readonly Partial<LinkParameters>[], sender: 'client' | 'server'): number {
  const net = new Internet(seed);
  const client = net.host(
    'client',
    CLIENT.map((address, i) => ({ address, link: { jitter: 100, ...links[i] } })),
  );
  const server = net.host('server', [{ address: SERVER, link: { rate: 1e9, delay: 10, queueBytes: 1e7 } }]);
  net.start(client, { peers: [SERVER] });
  net.start(server);
  net.clock.runUntil(SETTLE);
  const near = { address: CLIENT[0], port: 40_000 };
  const far = { address: SERVER, port: 80 };
  const start = net.clock.now;
  const tcp =
    sender === 'client'
      ? new BulkTcp({ sender: client, receiver: server, from: near, to: far })
      : new BulkTcp({ sender: server, receiver: client, from: far, to: near });
  while (tcp.received < BYTES && net.clock.now < start + 4 * BOUND) net.clock.runUntil(net.clock.now + 5_000);
  return net.clock.now - start;
}

describe('the cases of the MPTCP selftest simult_flows: plain TCP over MPIP moves 16 MiB within its bound', function () {
  this.timeout(180_000);

  for (const [queue, queueBytes] of QUEUES) {
    for (const [paths, rate1, rate2, delay1, delay2] of CASES) {
      it(`over ${paths}, queues of ${queue}, both ways`, () => {
        const link = (mbit: number, ms: number): Partial<LinkParameters> => {
          const rate = (mbit * 1e6 * PACKET) / FRAME;
          return { rate, delay: ms * 1e3, queueBytes: queueBytes(rate) };
        };
        const links = [link(rate1, delay1), link(rate2, delay2)];
        for (const sender of ['server', 'client'] as const) {
          expect(transfer(1, links, sender), `${sender} sends`).to.be.below(BOUND);
        }
      });
    }
  }
});
