import { expect } from 'chai';
import { seeds } from './scenario/seeds.js';
import { TwoHosts } from './scenario/two-hosts.js';
import { cut } from './world/offload.js';
import { ICMP, parseIp, parseUdp, UDP } from './world/packet.js';
import { Random } from './world/random.js';
import { pace } from './world/udp.js';

/** What a plain host sees of a node: every packet, and apart from them the queries. */
function observe(seed: number, icmp: boolean, config: { peers?: string[]; ignore?: string[] } = {}) {
  const random = new Random(seed);
  const delay = random.scaled(500, 50_000);
  const link = { rate: 20e6, delay, queueBytes: 500_000 };
  const hosts = new TwoHosts({
    seed,
    cross: false,
    paths: [{ family: random.chance(0.5) ? 4 : 6, forward: link, backward: link }],
    b: { host: { icmp } },
  });
  const sent: Uint8Array[] = [];
  const seen: Uint8Array[] = [];
  const replies: Uint8Array[] = [];
  const queries: { time: number; packet: Uint8Array }[] = [];
  for (const { host } of [hosts.a, hosts.b]) host.applicationTap = (outgoing) => sent.push(...cut(outgoing));
  hosts.world.network.taps.push((packet) => {
    const ip = parseIp(packet);
    if (ip.protocol === ICMP || ip.protocol === 58) replies.push(packet);
    else if (ip.protocol === UDP && parseUdp(ip).destination.port === 6747)
      queries.push({ time: hosts.world.clock.now, packet });
    else seen.push(packet);
  });
  hosts.start('a', config);
  const { clock } = hosts.world;
  const asked = hosts.udp('forward');
  const answered = hosts.udp('backward');
  pace(asked, { interval: 10_000, bytes: () => random.integer(12, 1400) }, () => asked.sent >= 500);
  pace(answered, { interval: 13_000, bytes: () => random.integer(12, 1400) }, () => asked.sent >= 500);
  const connections = Array.from({ length: 20 }, (_, i) =>
    hosts.tcp({ upload: random.integer(0, 30_000), download: random.integer(0, 30_000) }, 40_000 + i, 80 + i),
  );
  clock.run(120e6, () => connections.every(({ done }) => done) && asked.sent >= 500);
  clock.runUntil(Math.max(clock.now + 2e6, 30e6));
  return { hosts, sent, seen, queries, replies, asked, answered, connections };
}

describe('a node and a host without mpipd', function () {
  this.timeout(60_000);

  for (const seed of seeds(1, 8)) {
    const icmp = seed % 2 === 0;
    it(`exchange exactly the packets of the applications; queries go to port 6747 only (${icmp ? 'ICMP' : 'silence'}, seed ${seed})`, () => {
      const { hosts, sent, seen, asked, answered, connections, queries } = observe(seed, icmp);
      expect(seen.length).to.equal(sent.length);
      expect(seen.findIndex((packet, i) => Buffer.compare(packet, sent[i]!) !== 0)).to.equal(-1);
      for (const flow of [asked, answered]) {
        expect(flow.missing()).to.deep.equal([]);
        expect(flow.foreign).to.equal(0);
        expect(flow.count('tun')).to.equal(0);
      }
      expect(connections.flatMap((connection) => connection.faults())).to.deep.equal([]);
      expect(queries.length).to.be.greaterThan(0);
      expect(queries.every(({ packet }) => parseIp(packet).destination === hosts.address('b'))).to.equal(true);
      expect(hosts.b.host.counters.strayNative).to.equal(queries.length);
      expect(hosts.a.host.counters.strayNative).to.equal(0);
      expect(hosts.mpipd('a').steeredMtu(hosts.address('b'))).to.equal(undefined);
    });
  }

  it('know after one ICMP message, and ask again only after a back-off', () => {
    const { hosts, queries } = observe(2, true);
    const [entry] = hosts.status('a').availability;
    expect(entry).to.include({ address: hosts.address('b'), availability: 'false' });
    expect(queries.length).to.be.within(1, 3);
  });

  it('know after a few unanswered queries', () => {
    const { hosts, queries } = observe(1, false);
    const [entry] = hosts.status('a').availability;
    expect(entry).to.include({ address: hosts.address('b'), availability: 'false' });
    expect(queries.length).to.be.within(2, 15);
  });

  it('never meet when the address is to be ignored', () => {
    const address = new TwoHosts({
      seed: 4,
      cross: false,
      paths: [{ family: new Random(4).chance(2) ? 4 : 6, forward: {}, backward: {} }],
    });
    expect(address.address('b')).to.equal('10.1.0.2');
    const { queries } = observe(4, true, { ignore: ['10.1.0.2', 'fd00:1::2'] });
    expect(queries).to.deep.equal([]);
  });
});
