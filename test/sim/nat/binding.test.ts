import { expect } from 'chai';
import { CM_BYTES, TAG_BYTES } from '../../../src/core/wire/cm.js';
import { Conversation, Internet, SERVER } from '../scenario/internet.js';
import type { Host } from '../world/host.js';
import type { Nat } from '../world/nat.js';
import { cut } from '../world/offload.js';
import { type IpPacket, parseIp, parseTcp, TCP, tcpPacket, UDP, word } from '../world/packet.js';
import { Random } from '../world/random.js';

const UDP_AT = { address: SERVER, port: 7001 };
const TCP_AT = { address: SERVER, port: 80 };
const NAT_ADDRESS = '198.51.100.1';
const BLOCK_BYTES = CM_BYTES + TAG_BYTES;

interface Overheard {
  readonly internet: Internet;
  readonly server: Host;
  readonly client: Host;
  readonly nat: Nat;
  /** The native packets with a binding block that crossed the Internet. */
  readonly blocks: IpPacket[];
}

/** A client behind a NAT and a server, and everything that they show each other in-band. */
function overhear(seed: number, dropsSurplus = false): Overheard {
  const internet = new Internet(seed);
  const server = internet.host('server', [{ address: SERVER }]);
  const nat = internet.nat(NAT_ADDRESS, { type: 'port-restricted', dropsSurplus });
  const client = internet.host('client', [{ address: '192.168.1.2', nat }]);
  const blocks: IpPacket[] = [];
  internet.world.network.taps.push((packet) => {
    const ip = parseIp(packet);
    if (hasBlock(ip)) blocks.push(parseIp(packet.slice()));
  });
  internet.start(server);
  internet.start(client, { peers: [SERVER] });
  internet.clock.runUntil(1e6);
  return { internet, server, client, nat, blocks };
}

function hasBlock(ip: IpPacket): boolean {
  if (ip.protocol === TCP) return parseTcp(ip).payload.length === BLOCK_BYTES;
  return ip.protocol === UDP && word(ip.bytes, ip.headerBytes + 4) < ip.bytes.length - ip.headerBytes;
}

/** Where the block is: the tag and what it covers. */
const blockOf = ({ bytes }: IpPacket): Uint8Array => bytes.subarray(bytes.length - BLOCK_BYTES);

/** A segment of another flow of the same NAT that carries the block. */
function moved(block: Uint8Array, port: number): Uint8Array {
  return cut(
    tcpPacket(
      {
        source: { address: NAT_ADDRESS, port },
        destination: TCP_AT,
        sequence: 1,
        acknowledgement: 1,
        flags: 0x18,
        window: 1000,
        options: new Uint8Array(0),
        payload: block,
      },
      0,
      0,
    ),
  )[0]!;
}

describe('in-band binding', () => {
  for (const kind of ['replayed', 'replayed in another flow', 'forged', 'cut short'] as const) {
    it(`of sessions refuses blocks that are ${kind}: nothing is bound, nothing bound is moved`, () => {
      const { internet, server, client, blocks } = overhear(1);
      const { clock } = internet;
      const random = new Random(7);
      const conversation = new Conversation({ client, server, to: UDP_AT });
      const connection = internet.tcp(client, server, TCP_AT, { upload: 3_000_000, download: 3_000_000 });
      expect(clock.run(clock.now + 5e6, () => conversation.isMpip() && connection.throughTun > 100)).to.equal(true);
      const names = (): string[] =>
        internet
          .status(server)
          .sessions.map(
            ({ session, openedBy, state, destination }) =>
              `${session} ${openedBy} ${state} ${destination.address} ${destination.port}`,
          )
          .sort();
      const before = { names: names(), counters: internet.status(server).counters };
      const fromClient = blocks.filter(({ source }) => source === NAT_ADDRESS);
      expect(new Set(fromClient.map(({ protocol }) => protocol))).to.deep.equal(new Set([TCP, UDP]));
      let injected = 0;
      for (const ip of fromClient) {
        for (let i = 0; i < 20; i++) {
          const { bytes } = ip;
          const copy = bytes.slice();
          const block = blockOf(ip).slice();
          if (kind === 'forged') block[random.integer(1, BLOCK_BYTES - 1)]! ^= 1 << random.integer(0, 7);
          const packet = {
            replayed: () => copy,
            'replayed in another flow': () => moved(block, 50_000 + i),
            forged: () => moved(block, ip.protocol === TCP ? parseTcp(ip).source.port : 50_000),
            'cut short': () => moved(block.subarray(0, CM_BYTES), 50_000),
          }[kind]();
          server.mpipd!.nativeArrived(parseIp(packet));
          injected++;
          clock.runUntil(clock.now + 1_000);
        }
      }
      clock.runUntil(clock.now + 2e6);
      expect(names()).to.deep.equal(before.names);
      const { counters } = internet.status(server);
      const refused = counters.replayed! - before.counters.replayed! + (counters.badTag! - before.counters.badTag!);
      // What does not even look like a block is left to the host.
      if (kind !== 'cut short') expect(refused).to.be.within(injected * 0.8, injected);
      expect(clock.run(clock.now + 60e6, () => connection.done)).to.equal(true);
      conversation.stop();
      expect(connection.faults()).to.deep.equal([]);
      expect(conversation.faults()).to.deep.equal([]);
      expect(conversation.isMpip(clock.now - 2e6)).to.equal(true);
      expect(connection.throughTun).to.be.greaterThan(3_000);
    });
  }

  it('where a middlebox drops the UDP surplus area fails open: three datagrams a direction are risked, then fewer and fewer, for all sessions together', () => {
    const { internet, server, client, nat } = overhear(2, true);
    const { clock } = internet;
    const first = new Conversation({ client, server, to: UDP_AT });
    clock.runUntil(clock.now + 2e6);
    expect(nat.counters.surplus).to.equal(6);
    const others = Array.from({ length: 100 }, (_, i) => {
      const one = { up: Number.POSITIVE_INFINITY, down: Number.POSITIVE_INFINITY };
      return new Conversation({ client, server, to: { ...UDP_AT, port: 8000 + i }, port: 8000 + 2 * i, ...one });
    });
    clock.runUntil(clock.now + 600e6);
    first.stop();
    // One each after 1, 2 and 4 minutes more.
    expect(nat.counters.surplus).to.be.within(8, 12);
    for (const { up, down } of others) expect([...up.missing(), ...down.missing()]).to.deep.equal([]);
    expect(first.up.missing().length + first.down.missing().length).to.equal(nat.counters.surplus);
    for (const conversation of [first, ...others]) {
      expect(conversation.up.count('tun') + conversation.down.count('tun')).to.equal(0);
      expect(conversation.faults()).to.deep.equal([]);
    }
    const connection = internet.tcp(client, server, TCP_AT, { upload: 300_000, download: 300_000 });
    expect(clock.run(clock.now + 20e6, () => connection.done)).to.equal(true);
    expect(connection.throughTun).to.be.greaterThan(300);
  });

  for (const [name, way, seed] of [
    ['to the server', { down: Number.POSITIVE_INFINITY }, 3],
    // Whichever of the nodes has the smaller id.
    ['to the client', { up: Number.POSITIVE_INFINITY }, 3],
    ['to the client', { up: Number.POSITIVE_INFINITY }, 4],
    ['to the client', { up: Number.POSITIVE_INFINITY }, 5],
  ] as const) {
    it(`takes one-way UDP ${name}, whose other side never speaks again (seed ${seed})`, () => {
      const { internet, server, client } = overhear(seed);
      const { clock } = internet;
      const conversation = new Conversation({ client, server, to: UDP_AT, ...way });
      expect(clock.run(clock.now + 5e6, () => conversation.isMpip())).to.equal(true);
      clock.runUntil(clock.now + 120e6);
      conversation.stop();
      expect(conversation.faults()).to.deep.equal([]);
      for (const flow of [conversation.up, conversation.down]) {
        expect(flow.missing()).to.deep.equal([]);
        if (flow.sent > 1) expect(flow.count('tun') / flow.sent).to.be.greaterThan(0.9);
      }
    });
  }

  for (const victim of ['client', 'server'] as const) {
    it(`is undone when the mpipd of the ${victim} is killed: UDP fails open, and is bound again after the restart`, () => {
      const { internet, server, client } = overhear(4);
      const { clock } = internet;
      const conversation = new Conversation({ client, server, to: UDP_AT });
      expect(clock.run(clock.now + 5e6, () => conversation.isMpip())).to.equal(true);
      clock.runUntil(clock.now + 5e6);
      const host = victim === 'client' ? client : server;
      host.mpipd!.kill();
      const died = clock.now;
      clock.runUntil(died + 6e6);
      for (const flow of [conversation.up, conversation.down]) {
        const native = flow.arrivals.find(({ time, via }) => time > died && via === 'native');
        expect(native!.time - died).to.be.below(3e6);
        const later = flow.arrivals.filter(({ time }) => time > died + 3e6);
        expect(later.length).to.be.greaterThan(250);
        expect(later.every(({ via }) => via === 'native')).to.equal(true);
      }
      internet.start(host, victim === 'client' ? { peers: [SERVER] } : {});
      expect(clock.run(clock.now + 10e6, () => conversation.isMpip(died))).to.equal(true);
      conversation.stop();
      expect(conversation.faults()).to.deep.equal([]);
    });
  }
});
