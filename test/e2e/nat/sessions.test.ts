import { expect } from 'chai';
import { Lab, readTopology } from '../../../lab/lab.js';
import { daemonOf } from '../mpip/hosts.js';
import { CLOSED_PORT, refusalsOf } from '../mpip/refusals.js';
import { STREAM_PORT, Stream } from '../mpip/stream.js';
import { needsRoot } from '../steering/needs-root.js';
import { Conversation, ECHO_PORT } from './datagrams.js';
import { differentNats, livePaths, NAT_TYPES, SERVER, sessionIs, twoClients, usesBothInterfaces } from './networks.js';

const STREAM_BYTES = 4e6;
/** Of an answer that takes a pause in the middle. */
const HALF_BYTES = 2e6;
const HTTP_SERVER = `
  require('node:http').createServer((_request, response) => {
    response.write(Buffer.alloc(${HALF_BYTES}));
    setTimeout(() => response.end(Buffer.alloc(${HALF_BYTES})), 300);
  }).listen(8080, () => console.log('listening'));
`;
const HTTP_CLIENT = `
  require('node:http').get('http://203.0.113.1/', async (response) => {
    let bytes = 0;
    for await (const chunk of response) bytes += chunk.length;
    console.log(bytes);
  });
`;

function upload(lab: Lab, client = 'client', address = SERVER, bytes?: number): Promise<Stream> {
  return Stream.start(lab, { from: client, to: 'server', address, ...(bytes !== undefined && { bytes }) });
}

function download(lab: Lab, client = 'client', address = SERVER): Promise<Stream> {
  return Stream.start(lab, { from: 'server', to: client, address, listener: 'sender' });
}

describe('a client behind NATs', function () {
  needsRoot(this);
  this.timeout(60_000);

  for (const type of NAT_TYPES) {
    describe(`with several interfaces behind different ${type} NATs`, () => {
      let lab: Lab;
      before(async () => {
        // Linux answers one datagram a second of a host with ICMP, unless told otherwise.
        lab = await Lab.up(differentNats(type, { sysctls: { 'net.ipv4.icmp_ratelimit': '0' } }));
        await livePaths(lab, 'client', 2);
      });
      after(() => lab?.down());

      it('in-band binding of sessions that began natively, TCP: they then take all paths, in both directions', async () => {
        for (const [direction, start] of [
          ['up', upload],
          ['down', download],
        ] as const) {
          await using stream = await start(lab);
          await usesBothInterfaces(lab, stream, direction);
          await stream.finish();
        }
      });

      if (type === 'symmetric') {
        it('ICMP errors about packets of sessions reach the application, though a NAT lies between', async () => {
          expect(await refusalsOf(lab, 'client', SERVER)).to.be.greaterThan(30);
          expect((await sessionIs(lab, ['client'], CLOSED_PORT)).sentPackets).to.be.greaterThan(30);
        });
      }

      it('in-band binding of sessions that began natively, UDP: by a surplus area that no application sees', async () => {
        using conversation = await Conversation.open(lab, 'client', 'server', { address: SERVER, port: ECHO_PORT });
        await conversation.ask(20);
        await sessionIs(lab, ['client', 'server'], ECHO_PORT);
        await conversation.ask(20);
        const { receivedPackets } = await sessionIs(lab, ['client', 'server'], ECHO_PORT);
        expect(receivedPackets).to.be.greaterThan(20);
        conversation.check();
      });
    });
  }

  describe('with a connection that is older than both daemons', () => {
    it('moves it to MPIP without losing data', async () => {
      await using lab = await Lab.up(differentNats('port-restricted'));
      const daemons = ['client', 'server'].map((node) => daemonOf(lab.node(node)));
      for (const daemon of daemons) await daemon.kill('SIGTERM');
      await using stream = await download(lab);
      await stream.flows(1e6);
      for (const daemon of daemons) await daemon.restart();
      await usesBothInterfaces(lab, stream, 'down');
      await stream.finish();
    });
  });
});

describe('two clients to one server', function () {
  needsRoot(this);
  this.timeout(60_000);

  it('with the same private address behind different NATs have sessions of their own', async () => {
    await using lab = await Lab.up(twoClients('two', 'mpip'));
    for (const [node, command] of [
      ['office', 'ip addr add 192.168.1.2/24 dev lan1'],
      ['other', 'ip addr add 192.168.1.1/24 dev eth0'],
      ['other', 'ip addr del 192.168.2.1/24 dev eth0'],
      ['other', 'ip route replace default via 192.168.1.2'],
    ] as const) {
      await lab.node(node).exec(command.split(' '));
    }
    const clients = ['client', 'other'];
    for (const client of clients) {
      await using stream = await upload(lab, client, SERVER);
      await stream.flows(1e6);
      const own = await sessionIs(lab, [client], STREAM_PORT);
      expect(own.source.address).to.equal('192.168.1.1');
      const { destination } = await sessionIs(lab, ['server'], STREAM_PORT);
      expect(destination.address).to.equal(client === 'client' ? '203.0.113.1' : '203.0.113.2');
      await stream.finish();
    }
  });

  it('behind the same NAT, one without mpipd: its traffic goes natively and byte for byte, while the other one has MPIP', async () => {
    await using lab = await Lab.up(twoClients('one', 'plain'));
    await using mine = await upload(lab);
    await mine.flows(STREAM_BYTES / 4);
    await sessionIs(lab, ['client', 'server'], STREAM_PORT);
    await mine.finish();
    const before = (await daemonOf(lab.node('server')).status()).counters;
    await using plain = await upload(lab, 'other', SERVER, STREAM_BYTES);
    expect((await plain.finished()).bytes).to.equal(STREAM_BYTES);
    using conversation = await Conversation.open(lab, 'other', 'server', { address: SERVER, port: ECHO_PORT });
    await conversation.ask(40);
    conversation.check();
    const { sessions, counters } = await daemonOf(lab.node('server')).status();
    // What the server answered came by the TUN device, since both clients have one address, and was put back.
    expect(counters.nativePackets! - before.nativePackets!).to.be.greaterThan(40);
    expect(counters.deliveredPackets).to.equal(before.deliveredPackets);
    const bound = sessions.filter(({ state }) => state === 'mpip');
    expect(bound.map(({ receivedPackets }) => receivedPackets > 0)).to.deep.equal([true]);
  });
});

describe('a server behind a port forward', function () {
  needsRoot(this);
  this.timeout(60_000);
  let lab: Lab;
  before(async () => {
    lab = await Lab.up(
      await readTopology(new URL('../../../lab/topologies/nat-both-ends.yaml', import.meta.url).pathname),
    );
    await livePaths(lab, 'client', 1);
  });
  after(() => lab?.down());

  it('is reached over MPIP by a client behind another NAT, also on a port that the forward changes', async () => {
    await using server = await lab.node('server').spawn([process.execPath, '-e', HTTP_SERVER], {
      readyWhen: /^listening$/,
    });
    const { stdout } = await lab.node('client').exec([process.execPath, '-e', HTTP_CLIENT]);
    expect(stdout.trim()).to.equal(String(2 * HALF_BYTES));
    expect((await sessionIs(lab, ['server'], 8080)).source.address).to.equal('192.168.2.1');
    expect((await sessionIs(lab, ['client'], 80)).receivedBytes).to.be.greaterThan(HALF_BYTES);
    await server.stop();
  });
});
