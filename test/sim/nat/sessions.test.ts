import { expect } from 'chai';
import { Conversation, Internet, SERVER } from '../scenario/internet.js';
import type { Host } from '../world/host.js';
import type { NatType } from '../world/nat.js';
import { TCP, UDP } from '../world/packet.js';

const NAT_TYPES: readonly NatType[] = ['full-cone', 'address-restricted', 'port-restricted', 'symmetric'];
const UDP_AT = { address: SERVER, port: 7001 };
const TCP_AT = { address: SERVER, port: 80 };
/** Queries, keys, the wait of who did not open a session, and what it takes to show it. */
const SOON_US = 5e6;

function expectUsed(internet: Internet, host: Host, paths: number): void {
  const live = internet.status(host).paths.filter(({ state }) => state === 'live');
  expect(live, host.name).to.have.length(paths);
}

describe('client with one or several interfaces behind (different) NATs of every kind', () => {
  for (const type of NAT_TYPES) {
    for (const interfaces of [1, 2, 3]) {
      it(`${interfaces} behind ${type}: TCP and UDP sessions are bound in-band and take all paths, in both directions`, () => {
        const internet = new Internet(interfaces);
        const { clock } = internet;
        const server = internet.host('server', [{ address: SERVER }]);
        const accesses = Array.from({ length: interfaces }, (_, i) => ({
          address: `192.168.${i}.2`,
          nat: internet.nat(`198.51.100.${i + 1}`, { type }),
          link: { delay: 5_000 * (i + 1), rate: 10e6 },
        }));
        const client = internet.host('client', accesses);
        internet.start(server);
        internet.start(client, { peers: [SERVER] });
        clock.runUntil(1e6);
        for (const host of [client, server]) expectUsed(internet, host, interfaces);
        const conversation = new Conversation({ client, server, to: UDP_AT });
        expect(clock.run(clock.now + SOON_US, () => conversation.isMpip())).to.equal(true);
        const connection = internet.tcp(client, server, TCP_AT, { upload: 4_000_000, download: 4_000_000 });
        const before = internet.lines
          .get(client)!
          .map(({ up, down }) => [up, down].map((way) => way.counters.deliveredBytes));
        expect(clock.run(clock.now + 60e6, () => connection.done)).to.equal(true);
        conversation.stop();
        expect(connection.faults()).to.deep.equal([]);
        expect(connection.throughTun).to.be.greaterThan(4_000);
        internet.lines.get(client)!.forEach(({ up, down }, i) => {
          [up, down].forEach((way, j) => {
            expect(way.counters.deliveredBytes - before[i]![j]!, way.name).to.be.greaterThan(400_000);
          });
        });
        expect(conversation.faults()).to.deep.equal([]);
        expect(conversation.isMpip(clock.now - 2e6)).to.equal(true);
        for (const flow of [conversation.up, conversation.down]) {
          // What the full queues of the transfer dropped is all that is missing.
          expect(flow.missing().length / flow.sent).to.be.below(0.1);
        }
      });
    }
  }
});

describe('two clients to one server', () => {
  it('with the same private address behind different NATs, on the same ports: each has sessions of its own', () => {
    const internet = new Internet(1);
    const { clock } = internet;
    const server = internet.host('server', [{ address: SERVER }]);
    internet.start(server);
    const clients = [1, 2].map((i) => {
      const nat = internet.nat(`198.51.100.${i}`, { type: 'port-restricted' });
      return internet.host(`client ${i}`, [{ address: '192.168.1.2', nat }]);
    });
    for (const client of clients) internet.start(client, { peers: [SERVER] });
    clock.runUntil(1e6);
    const conversations = clients.map(
      (client, i) => new Conversation({ client, server, to: { ...UDP_AT, port: 7001 + i }, seed: 100 * i }),
    );
    const connections = clients.map((client, i) =>
      internet.tcp(client, server, { ...TCP_AT, port: 80 + i }, { upload: 1_000_000, download: 1_000_000 }),
    );
    expect(clock.run(clock.now + SOON_US, () => conversations.every((own) => own.isMpip()))).to.equal(true);
    expect(clock.run(clock.now + 60e6, () => connections.every(({ done }) => done))).to.equal(true);
    for (const conversation of conversations) conversation.stop();
    expect(connections.flatMap((own) => own.faults())).to.deep.equal([]);
    for (const { throughTun } of connections) expect(throughTun).to.be.greaterThan(1_000);
    expect(conversations.flatMap((own) => own.faults())).to.deep.equal([]);
    expect(internet.status(server).peers).to.have.length(2);
    expect(internet.status(server).sessions.map(({ state }) => state)).to.deep.equal(Array(4).fill('mpip'));
  });

  for (const seed of [1, 2, 3]) {
    it(`behind the same NAT, both with mpipd, and both listen only after their first datagram, on one port of the server: each gets its own over MPIP (seed ${seed})`, () => {
      const internet = new Internet(seed);
      const { clock } = internet;
      const addresses = [SERVER, '203.0.113.11', '203.0.113.12'];
      const server = internet.host(
        'server',
        addresses.map((address) => ({ address })),
      );
      const nat = internet.nat('198.51.100.1', { type: 'port-restricted' });
      const clients = [1, 2, 3].map((i) => internet.host(`client ${i}`, [{ address: `192.168.1.${i}`, nat }]));
      const [plain, ...listening] = clients;
      internet.start(server);
      for (const client of listening) internet.start(client, { peers: [SERVER] });
      clock.runUntil(1e6);
      const listen = (client: Host, i: number): Conversation =>
        new Conversation({
          client,
          server,
          to: { ...UDP_AT, address: addresses[i]! },
          seed: 100 * i,
          up: Number.POSITIVE_INFINITY,
        });
      const conversations = listening.map(listen);
      const native = listen(plain!, 2);
      expect(clock.run(clock.now + SOON_US, () => conversations.every((own) => own.isMpip()))).to.equal(true);
      const since = clock.now;
      clock.runUntil(since + 60e6);
      for (const conversation of conversations) expect(conversation.isMpip(clock.now - 1e6)).to.equal(true);
      for (const conversation of [...conversations, native]) conversation.stop();
      for (const conversation of conversations) {
        const { down } = conversation;
        const later = down.arrivals.filter(({ time }) => time > since);
        expect(later.filter(({ via }) => via === 'tun').length / later.length).to.be.greaterThan(0.99);
      }
      // The third one has no mpipd: blocks in what it gets are nothing to it.
      expect(native.down.count('tun')).to.equal(0);
      for (const conversation of [...conversations, native]) {
        expect(conversation.down.missing()).to.deep.equal([]);
        expect(conversation.faults()).to.deep.equal([]);
      }
    });
  }

  for (const second of ['mpipd', 'no mpipd'] as const) {
    it(`behind the same NAT, the second one with ${second}: all is delivered to whom it is for`, () => {
      const internet = new Internet(2);
      const { clock } = internet;
      const server = internet.host('server', [{ address: SERVER }]);
      const nat = internet.nat('198.51.100.1', { type: 'port-restricted' });
      const clients = [1, 2].map((i) => internet.host(`client ${i}`, [{ address: `192.168.1.${i}`, nat }]));
      const mpip = second === 'mpipd' ? clients : clients.slice(0, 1);
      internet.start(server);
      for (const client of mpip) internet.start(client, { peers: [SERVER] });
      clock.runUntil(1e6);
      const conversations = clients.map(
        (client, i) => new Conversation({ client, server, to: { ...UDP_AT, port: 7001 + i }, seed: 100 * i }),
      );
      const connections = clients.map((client, i) =>
        internet.tcp(client, server, { ...TCP_AT, port: 80 + i }, { upload: 1_000_000, download: 1_000_000 }),
      );
      const areMpip = (): boolean => conversations.slice(0, mpip.length).every((own) => own.isMpip());
      expect(clock.run(clock.now + SOON_US, areMpip), 'MPIP').to.equal(true);
      expect(
        clock.run(clock.now + 60e6, () => connections.every(({ done }) => done)),
        'done',
      ).to.equal(true);
      for (const conversation of conversations) conversation.stop();
      expect(connections.flatMap((own) => own.faults())).to.deep.equal([]);
      expect(conversations.flatMap((own) => own.faults())).to.deep.equal([]);
      clients.forEach((client, i) => {
        const { up, down } = conversations[i]!;
        if (mpip.includes(client)) {
          expect(connections[i]!.throughTun).to.be.greaterThan(1_000);
        } else {
          expect(connections[i]!.throughTun).to.equal(0);
          expect(up.count('tun') + down.count('tun')).to.equal(0);
        }
      });
    });
  }
});

describe('server behind a port forward', () => {
  it('is reached over MPIP by a client behind another NAT, also on ports that the forward changes', () => {
    const internet = new Internet(3);
    const { clock } = internet;
    const inside = '192.168.2.1';
    const outside = '198.51.100.2';
    const nat = internet.nat(outside, {
      type: 'port-restricted',
      forward: [
        { protocol: UDP, port: 6747, to: { address: inside, port: 6747 } },
        { protocol: UDP, port: 53, to: { address: inside, port: 5353 } },
        { protocol: TCP, port: 80, to: { address: inside, port: 8080 } },
      ],
    });
    const server = internet.host('server', [{ address: inside, nat }]);
    const home = internet.nat('198.51.100.1', { type: 'symmetric' });
    const client = internet.host('client', [{ address: '192.168.1.2', nat: home }]);
    internet.start(server);
    internet.start(client);
    const to = { address: outside, port: 53 };
    const conversation = new Conversation({ client, server, to, listen: { address: inside, port: 5353 } });
    expect(clock.run(clock.now + SOON_US, () => conversation.isMpip())).to.equal(true);
    const listen = { address: inside, port: 8080 };
    const connection = internet.tcp(
      client,
      server,
      { address: outside, port: 80 },
      { upload: 1_000_000, download: 1_000_000, listen },
    );
    expect(clock.run(clock.now + 60e6, () => connection.done)).to.equal(true);
    conversation.stop();
    expect(connection.faults()).to.deep.equal([]);
    expect(connection.throughTun).to.be.greaterThan(1_000);
    expect(conversation.faults()).to.deep.equal([]);
  });
});
