import { expect } from 'chai';
import { type Arm, MPIP, MPTCP, PLAIN_IP } from '../../../../lab/experiment/experiment.js';
import { limitOf, targetOf } from '../../../../lab/experiment/limit-of.js';
import { makePlan, type Plan, parseTopology, readTopology } from '../../../../lab/lab.js';
import { linksBetween, linksOnTheWay } from '../../../../lab/measure/links.js';
import { capacityOf } from '../../../../lab/plan/capacity.js';
import { mpipFlows, mpipWays, waysBetween, wayTo } from '../../../../lab/plan/ways.js';
import type { Iperf3Workload } from '../../../../lab/workloads/iperf3.js';
import { mpipSettings } from '../../../../src/daemon/api.js';

const TOPOLOGIES = new URL('../../../../lab/topologies/', import.meta.url);
const plans = new Map<string, Promise<Plan>>();

function planOf(name: string): Promise<Plan> {
  const known = plans.get(name) ?? readTopology(new URL(`${name}.yaml`, TOPOLOGIES).pathname).then(makePlan);
  plans.set(name, known);
  return known;
}

function parse(links: string, nodes = 'a: { kind: host, mpip: {} }, b: { kind: host, mpip: {} }'): Plan {
  return makePlan(parseTopology(`name: t\nnodes: { ${nodes} }\nlinks:\n${links}`, 't.yaml'));
}

function transfer(from: string, to: string, reverse: boolean): Iperf3Workload {
  const tcp = { protocol: 'tcp', congestion: 'cubic', parallel: 1, rate: null } as const;
  return { name: 'x', type: 'iperf3', from, to, duration: 5, reverse, ...tcp };
}

/** Links by name from the first to the last, of each way by its addresses. */
function textsOf(plan: Plan, from: string, to: string): string[] {
  return mpipWays(plan, from, to).map(
    ({ source, destination, hops }) => `${source} ${destination}: ${hops.map(({ link }) => link.name).join(' ')}`,
  );
}

describe('the ways of packets through a plan', () => {
  it('are those of every pair of addresses, by routers', async () => {
    expect(textsOf(await planOf('routed-2x2'), 'client', 'server')).to.deep.equal([
      '10.1.0.1 10.3.0.1: client1 server1',
      '10.1.0.1 10.4.0.1: client1 server2',
      '10.2.0.1 10.3.0.1: client2 server1',
      '10.2.0.1 10.4.0.1: client2 server2',
    ]);
  });

  it('are the paths that mpipd is expected to find, in every topology without a NAT', async () => {
    for (const name of ['single-path', 'two-paths', 'routed-2x2', 'routed-3x2', 'udp-blocked', 'twenty-clients']) {
      const plan = await planOf(name);
      const hosts = plan.nodes.filter(({ mpip }) => mpip !== null).map((node) => node.name);
      const ways = hosts.flatMap((from) => hosts.filter((to) => to !== from).flatMap((to) => mpipWays(plan, from, to)));
      const pair = ({ source, destination }: { source: string; destination: string }) => `${source} ${destination}`;
      expect(ways.map(pair), name).to.have.members(plan.paths.map(pair));
    }
  });

  it('lead out of NATs and not in, unless they forward', async () => {
    const nats = await planOf('two-nats');
    expect(textsOf(nats, 'client', 'server')).to.deep.equal([
      '192.168.1.1 203.0.113.1: wifi home server',
      '100.64.0.1 203.0.113.1: lte mobile server',
    ]);
    expect(textsOf(nats, 'server', 'client')).to.deep.equal([]);
    expect(textsOf(await planOf('nat-both-ends'), 'client', 'server')).to.deep.equal([
      '192.168.1.1 203.0.113.1: client home office server',
    ]);
  });

  it('go through switches, and not through firewalls that block them', async () => {
    expect(textsOf(await planOf('twenty-clients'), 'c01', 'c20')).to.deep.equal([
      '10.1.0.2 10.1.0.21: c01 floor1 floor2 c20',
    ]);
    const blocked = await planOf('udp-blocked');
    const [udp] = mpipFlows();
    expect(waysBetween(blocked, 'client', 'server', udp!).map(({ source }) => source)).to.deep.equal(['10.2.0.1']);
    expect(textsOf(blocked, 'client', 'server')).to.deep.equal([
      '10.1.0.1 10.3.0.1: desk uplink1',
      '10.2.0.1 10.4.0.1: air uplink2',
    ]);
    expect(mpipWays(blocked, 'client', 'server').map(({ flow }) => flow.protocol)).to.deep.equal(['tcp', 'udp']);
    const tcp = { protocol: 'tcp', port: 80 } as const;
    expect(waysBetween(blocked, 'client', 'server', tcp)).to.have.length(2);
    expect(wayTo(blocked, 'client', 'server', null, '10.3.0.1', tcp)!.hops.map(({ link }) => link.name)).to.deep.equal([
      'desk',
      'uplink1',
    ]);
  });

  it("are taken by mpipd with what its hosts' settings allow", () => {
    const protocols = (a: 'auto' | 'udp' | 'tcp', b: 'auto' | 'udp' | 'tcp'): string[] => {
      const settings = (transport: 'auto' | 'udp' | 'tcp') => mpipSettings.parse({ transport });
      return mpipFlows(settings(a), settings(b)).map(({ protocol }) => protocol);
    };
    expect(protocols('auto', 'auto')).to.deep.equal(['udp', 'tcp']);
    expect(protocols('auto', 'udp')).to.deep.equal(['udp']);
    expect(protocols('tcp', 'auto')).to.deep.equal(['tcp']);
    expect(protocols('tcp', 'udp')).to.deep.equal([]);
  });

  it('carry together what their links leave them: what they share is counted once', () => {
    const plan = parse(
      `  wifi: { ends: [a:eth0, r:eth0], subnet: 10.1.0.0/24, rate: 30mbit }
  lte: { ends: [a:eth1, r:eth1], subnet: 10.2.0.0/24, rate: 20mbit }
  core: { ends: [r:eth2, b:eth0], subnet: 10.3.0.0/24, rate: 40mbit, b->r: { rate: 70mbit } }`,
      'a: { kind: host, mpip: {} }, b: { kind: host, mpip: {} }, r: { kind: router }',
    );
    expect(capacityOf(mpipWays(plan, 'a', 'b'))).to.equal(40e6);
    expect(capacityOf(mpipWays(plan, 'b', 'a'))).to.equal(50e6);
  });

  it('have no capacity to tell where nothing holds them back, or a trace does', () => {
    const wire = parse('  l1: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24 }');
    expect(capacityOf(mpipWays(wire, 'a', 'b'))).to.equal(null);
    const traced = parse('  l1: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24, trace: lte.csv }');
    expect(capacityOf(mpipWays(traced, 'a', 'b'))).to.equal(null);
    expect(capacityOf([])).to.equal(null);
  });
});

/** Payload of a full packet per byte on the wire. */
const OF_MPIP = 1407 / 1514;
const OF_TCP = 1448 / 1514;
const OF_MPTCP = 1424 / 1514;

describe('the limit of an arm', () => {
  const cases: readonly [topology: string, from: string, to: string, reverse: boolean, mpip: number, ip: number][] = [
    ['two-paths', 'a', 'b', false, 60e6, 40e6],
    ['routed-2x2', 'client', 'server', false, 60e6, 40e6],
    ['routed-3x2', 'client', 'server', true, 60e6, 30e6],
    ['nat-client', 'client', 'server', false, 10e6, 10e6],
    ['nat-client', 'client', 'server', true, 50e6, 50e6],
    ['two-nats', 'client', 'server', true, 60e6, 40e6],
    ['nat-both-ends', 'client', 'server', false, 40e6, 40e6],
    ['udp-blocked', 'client', 'server', false, (60e6 * 1395) / 1407, 40e6],
    ['twenty-clients', 'c01', 'server', true, 10e6, 10e6],
  ];
  for (const [name, from, to, reverse, mpip, ip] of cases) {
    it(`is that of its ways: ${name}, ${reverse ? `${to} to ${from}` : `${from} to ${to}`}`, async () => {
      const plan = await planOf(name);
      const of = (arm: Arm): number | null => limitOf(arm, plan, transfer(from, to, reverse));
      expect(of(MPIP)).to.be.closeTo(mpip * OF_MPIP, 1);
      expect(of(PLAIN_IP)).to.be.closeTo(ip * OF_TCP, 1);
      const rates = name === 'udp-blocked' ? 60e6 : mpip;
      expect(of(MPTCP)).to.be.closeTo(rates * OF_MPTCP, 1);
    });
  }

  it('is one of packets to an address that the client reaches', async () => {
    const flow = { client: 'client', server: 'server', reverse: false, transport: 'tcp', greedy: true } as const;
    expect(targetOf(await planOf('nat-both-ends'), flow)).to.equal('203.0.113.1');
    expect(targetOf(await planOf('two-nats'), flow)).to.equal('203.0.113.1');
    expect(targetOf(await planOf('udp-blocked'), flow)).to.equal('10.3.0.1');
    expect(targetOf(await planOf('two-paths'), { ...flow, client: 'b', server: 'a' })).to.equal('10.1.0.1');
  });
});

describe('the links between two nodes', () => {
  const shown = async (name: string, sender: string, receiver: string): Promise<string[]> =>
    linksBetween(await planOf(name), sender, receiver).map(
      ({ name: link, at, rateBps, senderInterface }) =>
        `${link} at ${at.node}:${at.interface}, ${(rateBps ?? 0) / 1e6} Mbit/s, from ${senderInterface}`,
    );

  it('are those that join them, counted at the receiver', async () => {
    expect(await shown('two-paths', 'a', 'b')).to.deep.equal([
      'path1 at b:eth0, 40 Mbit/s, from eth0',
      'path2 at b:eth1, 20 Mbit/s, from eth1',
    ]);
  });

  it('are those of the side that has more of them, with the rate of the whole way', async () => {
    expect(await shown('nat-client', 'server', 'client')).to.deep.equal([
      'ethernet at client:eth0, 50 Mbit/s, from null',
      'wifi at client:wlan0, 40 Mbit/s, from null',
    ]);
    expect(await shown('nat-client', 'client', 'server')).to.deep.equal([
      'ethernet at home:lan, 10 Mbit/s, from eth0',
      'wifi at home:wlan, 10 Mbit/s, from wlan0',
    ]);
    expect(await shown('routed-2x2', 'client', 'server')).to.deep.equal([
      'server1 at server:eth0, 40 Mbit/s, from null',
      'server2 at server:eth1, 20 Mbit/s, from null',
    ]);
  });

  it('are, all together, those on every way', async () => {
    const links = linksOnTheWay(await planOf('nat-client'), 'server', 'client');
    expect(links.map(({ name, rateBps }) => [name, rateBps])).to.deep.equal([
      ['ethernet', 100e6],
      ['wifi', 40e6],
      ['access', 50e6],
      ['server', 100e6],
    ]);
  });
});
