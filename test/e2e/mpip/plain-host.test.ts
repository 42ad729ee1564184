import { expect } from 'chai';
import { Lab, parseTopology } from '../../../lab/lab.js';
import { programCommand, Service } from './exchanges.js';
import { daemonOf, statusOf, streamSession } from './hosts.js';
import { Stream } from './stream.js';

/** a has mpipd, and b as its peer; p is a plain host, with one address behind a router and another on a link of its own. */
const TOPOLOGY = parseTopology(
  `name: plain-host
nodes:
  a: { kind: host, mpip: { peers: [10.1.0.2, 10.2.0.2, 10.5.0.2, "fd00:4::2"] } }
  b: { kind: host, mpip: {} }
  p: { kind: host }
  r: { kind: router }
links:
  path1: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24, rate: 40mbit }
  path2: { ends: [a:eth1, b:eth1], subnet: 10.2.0.0/24, rate: 20mbit }
  near: { ends: [a:eth2, r:eth0], subnet: [10.3.0.0/24, "fd00:3::/64"] }
  far: { ends: [r:eth1, p:eth0], subnet: [10.4.0.0/24, "fd00:4::/64"] }
  direct: { ends: [a:eth3, p:eth1], subnet: [10.5.0.0/24, "fd00:5::/64"] }
`,
  'plain-host.yaml',
);

/** Two of them are configured as peers, two are found by the traffic to them. */
const PLAIN = ['10.4.0.2', '10.5.0.2', 'fd00:4::2', 'fd00:5::2'];
const OWN = ['10.3.0.1', '10.5.0.1', 'fd00:3::1', 'fd00:5::1'];
const MPIP_PORT = 6747;
/** On the plain host, next to MPIP's own port too. */
const OTHER_SERVICES = [1, 53, 123, 443, 6746, 6748, 33434, 60000];

/** Counts what comes to the plain host, by what it is. */
const WATCH = `
table inet watch {
  counter queries {}
  counter others {}
  chain in {
    type filter hook prerouting priority -300;
    iif lo accept
    tcp dport 7000 accept
    tcp sport 7000 accept
    udp dport 7001 accept
    udp sport 7001 accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld-listener-query, mld2-listener-report } accept
    udp dport ${MPIP_PORT} counter name queries accept
    tcp dport ${MPIP_PORT} tcp flags & (fin | syn | rst | psh | ack) == syn counter name queries accept comment "where UDP goes unanswered, to who is configured as a peer"
    counter name others
  }
}`;

/** Packets. */
async function incoming(lab: Lab): Promise<{ queries: number; others: number }> {
  const { stdout } = await lab.node('p').exec(['nft', '-j', 'list', 'counters']);
  const { nftables } = JSON.parse(stdout) as { nftables: { counter?: { name: string; packets: number } }[] };
  const packets = (name: string) =>
    nftables.find(({ counter }) => counter?.name === name)?.counter?.packets ?? Number.NaN;
  return { queries: packets('queries'), others: packets('others') };
}

/** Datagrams that applications of the plain host were given, both families. */
async function datagrams(lab: Lab): Promise<number> {
  const { stdout } = await lab.node('p').exec(['cat', '/proc/net/snmp', '/proc/net/snmp6']);
  const ipv4 = /^Udp: \d+/m.exec(stdout)?.[0].slice(5);
  const ipv6 = /^Udp6InDatagrams\s+(\d+)/m.exec(stdout)?.[1];
  return Number(ipv4) + Number(ipv6);
}

describe('a host without mpipd', function () {
  this.timeout(60_000);

  let lab: Lab;
  let busy: Stream;
  before(async () => {
    lab = await Lab.up(TOPOLOGY);
    await lab.node('p').exec(['nft', '-f', '-'], { input: WATCH });
    // mpipd is at work for its peer all the while.
    busy = await Stream.start(lab, { from: 'a', to: 'b', address: '10.1.0.2' });
    await busy.flows(1e6);
  });
  after(() => lab?.down());

  const foundPlain = () =>
    statusOf(lab.node('a'), ({ availability }) => {
      const known = new Map(availability.map((entry) => [entry.address, entry.availability]));
      const other = PLAIN.filter((address) => known.get(address) !== 'false');
      return other.length === 0 ? null : other.map((address) => `${address} is ${known.get(address)}`).join(', ');
    });

  it('is reached as before: 1,000 short TCP transfers and 1,000 UDP request-replies have the right SHA-256, and its sockets get nothing else', async () => {
    const before = { ...(await incoming(lab)), datagrams: await datagrams(lab) };
    await using service = await Service.start(lab, 'p', OTHER_SERVICES);
    await service.serve({ client: 'a', addresses: PLAIN, tcp: 1000, udp: 1000 });
    expect(service.foreign).to.deep.equal([]);
    const { queries, others } = await incoming(lab);
    expect(others, 'packets that are neither of the exchanges nor queries').to.equal(before.others);
    expect(queries, 'it was asked').to.be.greaterThan(before.queries);
    expect(await datagrams(lab)).to.equal(before.datagrams + 1000);
    await foundPlain();
  });

  it('reaches a host with mpipd as before', async () => {
    const { others } = await incoming(lab);
    await using service = await Service.start(lab, 'a');
    await service.serve({ client: 'p', addresses: OWN, tcp: 1000, udp: 1000 });
    expect(service.foreign).to.deep.equal([]);
    expect((await incoming(lab)).others).to.equal(others);
    await foundPlain();
  });

  it('is not taken for a peer when another service answers on the port of MPIP', async () => {
    const { malformed } = (await daemonOf(lab.node('a')).status()).counters;
    await using service = await Service.start(lab, 'p', [MPIP_PORT]);
    await statusOf(lab.node('a'), ({ counters }) => (counters.malformed! > malformed! ? null : 'it was not asked'));
    await service.serve({ client: 'a', addresses: PLAIN, tcp: 100, udp: 100 });
    for (const { foreign } of service.foreign) expect(foreign).to.equal(`udp port ${MPIP_PORT}`);
    const { availability, peers } = await daemonOf(lab.node('a')).status();
    for (const entry of availability)
      if (PLAIN.includes(entry.address)) expect(entry.availability).to.not.equal('true');
    expect(peers).to.have.length(1);
  });

  const icmp = async (from: string, address: string, hops: number): Promise<unknown> =>
    JSON.parse((await lab.node(from).exec([...programCommand('icmp'), address, String(hops)])).stdout);

  it('answers ping and traceroute, and so does a peer', async () => {
    const all = { echoes: 6, sent: 6 };
    expect(await icmp('a', '10.4.0.2', 2)).to.deep.equal({ ...all, trace: ['10.3.0.2 11/0', '10.4.0.2 3/3'] });
    expect(await icmp('a', '10.5.0.2', 1)).to.deep.equal({ ...all, trace: ['10.5.0.2 3/3'] });
    expect(await icmp('p', '10.5.0.1', 1)).to.deep.equal({ ...all, trace: ['10.5.0.1 3/3'] });
    expect(await icmp('a', '10.1.0.2', 1)).to.deep.equal({ ...all, trace: ['10.1.0.2 3/3'] });
    expect(await icmp('b', '10.2.0.1', 1)).to.deep.equal({ ...all, trace: ['10.2.0.1 3/3'] });
  });

  it('has no part in what goes between peers', async () => {
    expect(streamSession(await daemonOf(lab.node('a')).status())?.state).to.equal('mpip');
    await busy.finish();
  });
});

describe('a host without mpipd over a link with 5 % loss', function () {
  this.timeout(180_000);

  let lab: Lab;
  before(async () => {
    lab = await Lab.up(
      parseTopology(
        `name: lossy-plain-host
nodes: { a: { kind: host, mpip: { peers: [10.1.0.2, "fd00:1::2"] } }, p: { kind: host } }
links:
  lossy: { ends: [a:eth0, p:eth0], subnet: [10.1.0.0/24, "fd00:1::/64"], delay: 1ms, loss: 5% }
`,
        'lossy-plain-host.yaml',
      ),
    );
    await lab.node('p').exec(['nft', '-f', '-'], { input: WATCH });
  });
  after(() => lab?.down());

  it('gets not one foreign byte in 10,000 short TCP connections and 10,000 UDP exchanges while mpipd queries it', async () => {
    await using service = await Service.start(lab, 'p', OTHER_SERVICES);
    await service.serve({ client: 'a', addresses: ['10.1.0.2', 'fd00:1::2'], tcp: 10_000, udp: 10_000, lossy: true });
    expect(service.foreign).to.deep.equal([]);
    expect((await incoming(lab)).queries, 'it was asked').to.be.greaterThan(2);
    const [counters] = (await lab.link('lossy').counters()) ?? [];
    expect(1 - counters!.delivered / counters!.packets).to.be.within(0.04, 0.06);
    const { availability, peers } = await daemonOf(lab.node('a')).status();
    expect(availability.map((entry) => entry.availability)).to.not.include('true');
    expect(peers).to.deep.equal([]);
  });
});
