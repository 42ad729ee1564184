import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Lab, parseTopology } from '../../../lab/lab.js';
import type { NatType } from '../../../lab/topology/topology.js';
import { needsRoot } from '../steering/needs-root.js';
import { type Behaviour, type Probe, tcpBehaviour, udpBehaviour } from './behaviour.js';
import { TcpConnection, TcpListener, UdpSocket } from './sockets.js';

/** Two hosts inside, two outside. */
const topology = (nat: string) =>
  parseTopology(
    `
name: nat
nodes:
  a1: { kind: host }
  a2: { kind: host }
  home: { kind: router, nat: ${nat} }
  wan: { kind: switch, subnet: 203.0.113.0/24 }
  b: { kind: host }
  c: { kind: host }
links:
  a1: { ends: [a1:eth0, home:lan1], subnet: [192.168.1.0/24, "fd00:1::/64"] }
  a2: { ends: [a2:eth0, home:lan2], subnet: 192.168.2.0/24 }
  up: { ends: [home:wan, wan:p0], addresses: { home: 203.0.113.1/24 } }
  b: { ends: [b:eth0, wan:p1], addresses: { b: 203.0.113.11/24 } }
  c: { ends: [c:eth0, wan:p2], addresses: { c: 203.0.113.12/24 } }
`,
    'nat.yaml',
  );

const OUTSIDE = '203.0.113.1';
const B = '203.0.113.11';
const C = '203.0.113.12';
const A1 = '192.168.1.1';
const CONES = ['full-cone', 'address-restricted', 'port-restricted'] as const;

/** RFC 4787's words for the names that RFC 3489 gave them. */
const EXPECTED: Readonly<Record<NatType, Behaviour>> = {
  'full-cone': { mapping: 'endpoint-independent', filtering: 'endpoint-independent' },
  'address-restricted': { mapping: 'endpoint-independent', filtering: 'address-dependent' },
  'port-restricted': { mapping: 'endpoint-independent', filtering: 'address-and-port-dependent' },
  symmetric: { mapping: 'address-and-port-dependent', filtering: 'address-and-port-dependent' },
};

const probe = (lab: Lab): Probe => ({
  lab,
  inside: 'a1',
  servers: [
    { node: 'b', address: B },
    { node: 'c', address: C },
  ],
});

describe('NAT', function () {
  needsRoot(this);

  for (const [type, behaviour] of Object.entries(EXPECTED)) {
    describe(type, () => {
      let lab: Lab;
      before(async () => {
        const forward = '[{ proto: udp, port: 7000, to: a2, toPort: 7001 }, { proto: tcp, port: 7000, to: a2 }]';
        lab = await Lab.up(topology(`{ type: ${type}, outside: wan, forward: ${forward} }`));
      });
      after(() => lab?.down());

      it(`maps UDP ${behaviour.mapping}, and filters it ${behaviour.filtering}`, async () => {
        expect(await udpBehaviour(probe(lab))).to.deep.equal(behaviour);
      });

      it(`maps TCP ${behaviour.mapping}, and filters it ${behaviour.filtering}`, async () => {
        expect(await tcpBehaviour(probe(lab))).to.deep.equal(behaviour);
      });

      it('forwards ports to a node inside, whoever sends, and answers from the forwarded port', async () => {
        using inside = await UdpSocket.open(lab, 'a2', 7001);
        using b = await UdpSocket.open(lab, 'b', 5001);
        using c = await UdpSocket.open(lab, 'c', 5001);
        for (const [socket, address] of [
          [b, B],
          [c, C],
        ] as const) {
          await socket.send(`from ${address}`, { address: OUTSIDE, port: 7000 });
          const { from } = await inside.gets(`from ${address}`);
          expect(from).to.deep.equal({ address, port: 5001 });
          await inside.send('answer', from);
          expect((await socket.gets('answer')).from).to.deep.equal({ address: OUTSIDE, port: 7000 });
        }
        using listener = await TcpListener.open(lab, 'a2', 7000);
        using connection = new TcpConnection(lab, 'c', 5002, { address: OUTSIDE, port: 7000 });
        expect(await connection.outcome).to.equal('connected');
        expect(await listener.last(1)).to.deep.equal({ address: C, port: 5002 });
      });

      it('gives no outside port to two inside endpoints at a time', async () => {
        using b = await UdpSocket.open(lab, 'b', 5003);
        using c = await UdpSocket.open(lab, 'c', 5003);
        using one = await UdpSocket.open(lab, 'a1', 6000);
        using two = await UdpSocket.open(lab, 'a2', 6000);
        await one.send('one', { address: B, port: 5003 });
        const first = (await b.gets('one')).from;
        // A second endpoint may lose a datagram to a port that turns out to be taken.
        await two.send('two', { address: C, port: 5003 });
        const second = (await c.gets('two')).from;
        expect(second.address).to.equal(first.address).and.to.equal(OUTSIDE);
        expect(second.port).to.not.equal(first.port);
        await b.send('for one', first);
        await c.send('for two', second);
        await one.gets('for one');
        await two.gets('for two');
        expect([...one.received, ...two.received]).to.have.lengthOf(2);
      });

      it('neither lets strangers in, nor tells them that nobody is there', async () => {
        using inside = await UdpSocket.open(lab, 'a1', 6001);
        using c = await UdpSocket.open(lab, 'c', 5004);
        using attempt = new TcpConnection(lab, 'c', 5005, { address: OUTSIDE, port: 6001 });
        await c.send('hello', { address: OUTSIDE, port: 6001 });
        // Inside addresses mean nothing outside, even to those who know whom to ask.
        await lab.node('c').exec(['ip', 'route', 'add', '192.168.1.0/24', 'via', OUTSIDE]);
        await c.send('hello', { address: A1, port: 6001 });
        // Not even the attempt itself stands in the way of what the inside does later.
        await inside.send('open', { address: C, port: 5004 });
        const { from } = await c.gets('open');
        await c.send('answer', from);
        await inside.gets('answer');
        expect(inside.received.map(({ text }) => text)).to.deep.equal(['answer']);
        expect(attempt.settled).to.equal(undefined);
        await lab.node('c').exec(['ip', 'route', 'del', '192.168.1.0/24', 'via', OUTSIDE]);
      });

      it('translates pings and errors about datagrams', async () => {
        await lab.node('a1').exec(['ping', '-c', '1', '-W', '5', B]);
        using inside = await UdpSocket.open(lab, 'a1', 6002);
        await inside.send('anybody?', { address: B, port: 1 });
        const { stdout } = await lab.node('a1').exec(['sh', '-c', 'cat /proc/net/snmp | grep ^Icmp: | tail -1']);
        // InDestUnreachs, RFC 2011.
        expect(Number(stdout.split(' ')[4])).to.be.greaterThan(0);
      });
    });
  }

  for (const type of CONES) {
    it(`of type ${type} keeps a mapping while its inside end sends, and forgets it after its lifetime`, async () => {
      await using lab = await Lab.up(topology(`{ type: ${type}, outside: wan, lifetime: 1s }`));
      using b = await UdpSocket.open(lab, 'b', 5000);
      using inside = await UdpSocket.open(lab, 'a1', 6000);
      using stranger = await UdpSocket.open(lab, 'a2', 6000);
      const to = { address: B, port: 5000 };
      const start = performance.now();
      for (let count = 0; performance.now() - start < 1500; count++) {
        await inside.send(`still ${count}`, to);
        expect((await b.gets(`still ${count}`)).from.port).to.equal(6000);
        await sleep(100);
      }
      await stranger.send('stranger', to);
      expect((await b.gets('stranger')).from.port).to.not.equal(6000);
      while ((await mappings(lab)).includes(`${A1} . udp . 6000`)) await sleep(50);
      await b.send('late', { address: OUTSIDE, port: 6000 });
      await inside.send('again', to);
      await b.send('answer', (await b.gets('again')).from);
      await inside.gets('answer');
      expect(inside.received.map(({ text }) => text)).to.deep.equal(['answer']);
    });
  }
});

async function mappings(lab: Lab): Promise<string> {
  return (await lab.node('home').exec(['nft', 'list', 'map', 'ip', 'mpip_nat', 'mapped'])).stdout;
}
