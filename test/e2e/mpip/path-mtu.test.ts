import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Lab, parseTopology } from '../../../lab/lab.js';
import { daemonOf, statusOf, usesBothPaths } from './hosts.js';
import { Stream } from './stream.js';
import { udpStream } from './udp-stream.js';

const LONGEST_DATAGRAM = fileURLToPath(new URL('programs/longest-datagram.ts', import.meta.url));
/** "No more than a few seconds". */
const LONGEST_STALL_MS = 4000;
const NARROW = 1400;
/** Below this IPv6 does not work at all. */
const NARROWER = 1290;
/** What a search may be off by. */
const RESOLUTION = 4;

/** path1 goes over two routers, whose link carries less than the hosts' do; path2 carries whole packets. */
const topology = (withSecond: boolean) =>
  parseTopology(
    `name: path-mtu
nodes:
  a: { kind: host, mpip: {} }
  b: { kind: host, mpip: {} }
  r: { kind: router }
  s: { kind: router }
links:
  near: { ends: [a:eth0, r:eth0], subnet: [10.1.0.0/24, "fd00:1::/64"] }
  narrow: { ends: [r:eth1, s:eth0], subnet: [10.2.0.0/24, "fd00:2::/64"], rate: 40mbit, mtu: ${NARROW} }
  far: { ends: [s:eth1, b:eth0], subnet: [10.3.0.0/24, "fd00:3::/64"] }
${withSecond ? '  path2: { ends: [a:eth1, b:eth1], subnet: [10.4.0.0/24, "fd00:4::/64"], rate: 20mbit }' : ''}
`,
    'path-mtu.yaml',
  );

const ADDRESSES = { ipv4: { a: '10.1.0.1', b: '10.3.0.2' }, ipv6: { a: 'fd00:1::1', b: 'fd00:3::2' } } as const;
const FAMILIES = ['ipv4', 'ipv6'] as const;

/** No router says what it drops for its length. */
const SILENCE = `
table inet silence {
  chain out {
    type filter hook output priority 0;
    icmp type destination-unreachable drop
    icmpv6 type packet-too-big drop
  }
}`;

async function up(withSecond: boolean): Promise<Lab> {
  const lab = await Lab.up(topology(withSecond));
  for (const router of ['r', 's']) await lab.node(router).exec(['nft', '-f', '-'], { input: SILENCE });
  // What ICMP told them before is forgotten.
  for (const host of ['a', 'b']) await daemonOf(lab.node(host)).restart();
  return lab;
}

/** Resolves when a host that sends over the narrow link knows what it carries now. (A path without long packets is not asked again.) */
async function learns(lab: Lab, host: string, narrow: number): Promise<void> {
  await statusOf(lab.node(host), ({ paths }) => {
    const mtus = paths.filter(({ interface: device, sentPackets }) => device === 'eth0' && sentPackets > 100);
    const isKnown = mtus.some(({ mtu }) => mtu !== null && mtu <= narrow && mtu >= narrow - RESOLUTION);
    return isKnown ? null : `${JSON.stringify(mtus.map(({ mtu }) => mtu))}, not ${narrow}`;
  });
}

/** Resolves when both hosts know what the paths over the narrow link carry, and that the others carry whole packets. */
async function know(lab: Lab, narrow: number): Promise<void> {
  for (const node of [lab.node('a'), lab.node('b')]) {
    await statusOf(node, ({ paths }) => {
      for (const { interface: device, state, mtu, source, destination } of paths) {
        if (state !== 'live') continue;
        const expected = device === 'eth0' ? narrow : 1500;
        const fits = mtu !== null && mtu <= expected && mtu >= expected - (expected === 1500 ? 0 : RESOLUTION);
        if (!fits) return `${source.address} to ${destination.address}: ${mtu}, not ${expected}`;
      }
      return null;
    });
  }
}

async function narrowTo(lab: Lab, mtu: number): Promise<void> {
  await lab.node('r').exec(['ip', 'link', 'set', 'eth1', 'mtu', String(mtu)]);
  await lab.node('s').exec(['ip', 'link', 'set', 'eth0', 'mtu', String(mtu)]);
}

describe('PMTU is found per path without relying on ICMP', function () {
  this.timeout(60_000);

  describe('over two paths, one of them narrow', () => {
    let lab: Lab;
    before(async () => {
      lab = await up(true);
      await know(lab, NARROW);
    });
    after(() => lab?.down());

    for (const family of FAMILIES) {
      const address = ADDRESSES[family];
      for (const [from, to] of [
        ['a', 'b'],
        ['b', 'a'],
      ] as const) {
        it(`a TCP stream over ${family} from ${from} to ${to} takes both, and no packet is too long: MSS through the TUN MTU`, async () => {
          const listener = to === 'b' ? 'receiver' : 'sender';
          const fragmented = async (): Promise<string> =>
            (await lab.node('r').exec(['nstat', '-asz', 'IpFragOKs', 'IpFragFails', 'Ip6InTooBigErrors'])).stdout;
          const before = await fragmented();
          await using stream = await Stream.start(lab, { from, to, address: address.b, listener });
          await usesBothPaths(lab, stream, to);
          await stream.flows(2e6);
          const { longestGapMs } = await stream.finish();
          expect(longestGapMs).to.be.lessThan(1000);
          expect(await fragmented()).to.equal(before);
        });
      }

      it(`"packet too big" is returned to the stack of an application that sends too long datagrams over ${family}`, async () => {
        await using _sink = await lab
          .node('b')
          .spawn([process.execPath, '-e', sinkProgram(5002)], { readyWhen: /^ready$/ });
        const { tooLong } = (await daemonOf(lab.node('a')).status()).counters;
        const lines: string[] = [];
        const program = [process.execPath, '--import', 'tsx', LONGEST_DATAGRAM, address.b, '5002', '1440'];
        await using sender = await lab.node('a').spawn(program, {
          readyWhen: /^ready$/,
          onLine: (line, stream) => void (stream === 'stdout' && line.startsWith('{') && lines.push(line)),
        });
        await statusOf(lab.node('a'), ({ sessions }) => {
          const session = sessions.find(
            ({ destination }) => destination.port === 5002 && destination.address === address.b,
          );
          return session !== undefined && session.sentPackets > 0 ? null : 'no MPIP session';
        });
        sender.kill('SIGUSR2');
        await sender.exited;
        expect(JSON.parse(lines[0]!)).to.deep.equal({ refusals: ['EMSGSIZE'] });
        expect((await daemonOf(lab.node('a')).status()).counters.tooLong).to.be.greaterThan(tooLong!);
      });
    }

    it('datagrams of an application that does not ask for DF arrive whole, as fragments on the normal route', async () => {
      const sent = { rate: 2e6, bytes: 4000, count: 60 };
      const outcome = await udpStream(lab, { from: 'a', to: 'b', address: ADDRESSES.ipv4.b, ...sent });
      expect(outcome).to.deep.equal({ received: sent.count, wrong: 0, again: 0 });
    });

    it('one path shrinks under a transfer: the TCP session does not stall for more than a few seconds', async () => {
      await using stream = await Stream.start(lab, { from: 'a', to: 'b', address: ADDRESSES.ipv4.b });
      await usesBothPaths(lab, stream, 'b');
      await narrowTo(lab, NARROWER);
      await learns(lab, 'a', NARROWER);
      await usesBothPaths(lab, stream, 'b');
      const { longestGapMs } = await stream.finish();
      expect(longestGapMs).to.be.lessThan(LONGEST_STALL_MS);
    });
  });

  describe('over one narrow path', () => {
    let lab: Lab;
    before(async () => {
      lab = await up(false);
    });
    after(() => lab?.down());

    for (const family of FAMILIES) {
      for (const [from, to] of [
        ['a', 'b'],
        ['b', 'a'],
      ] as const) {
        it(`it shrinks under a TCP stream over ${family} from ${from} to ${to}, which does not stall for more than a few seconds`, async () => {
          await narrowTo(lab, NARROW);
          const listener = to === 'b' ? 'receiver' : 'sender';
          for (const host of ['a', 'b']) await daemonOf(lab.node(host)).restart();
          await know(lab, NARROW);
          await using stream = await Stream.start(lab, { from, to, address: ADDRESSES[family].b, listener });
          await stream.flows(3e6);
          await narrowTo(lab, NARROWER);
          await stream.flows(3e6);
          await learns(lab, from, NARROWER);
          const { longestGapMs } = await stream.finish();
          expect(longestGapMs).to.be.lessThan(LONGEST_STALL_MS);
        });
      }
    }
  });
});

/** Takes datagrams and says nothing. */
function sinkProgram(port: number): string {
  return `require('node:dgram').createSocket('udp6').bind(${port}, '::', () => console.log('ready'))`;
}
