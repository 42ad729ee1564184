import { expect } from 'chai';
import { LabError } from '../../../../lab/error.js';
import type { NodeInterface } from '../../../../lab/lab.js';
import { endpointsFor, type MptcpCounters, parseCounters, subflowsBetween } from '../../../../lab/workloads/mptcp.js';

const device = (name: string, link: string, ...addresses: string[]): NodeInterface => ({ name, link, addresses });

describe('endpoints of MPTCP', () => {
  it('are announced by the server where each path is a link of its own', () => {
    const client = [device('eth0', 'path1', '10.1.0.1/24'), device('eth1', 'path2', '10.2.0.1/24')];
    const server = [device('eth0', 'path1', '10.1.0.2/24'), device('eth1', 'path2', '10.2.0.2/24')];
    expect(endpointsFor(client, server, '10.1.0.2')).to.deep.equal({
      client: [],
      server: [{ address: '10.2.0.2', device: 'eth1', kind: 'signal' }],
    });
    expect(endpointsFor(client, server, '10.2.0.2').server).to.deep.equal([
      { address: '10.1.0.2', device: 'eth0', kind: 'signal' },
    ]);
  });

  it("are the client's further interfaces where the server has one address behind routers", () => {
    const client = [device('wlan0', 'wifi', '192.168.1.2/24'), device('rmnet0', 'lte', '192.168.2.2/24')];
    const server = [device('eth0', 'uplink', '203.0.113.9/24')];
    expect(endpointsFor(client, server, '203.0.113.9')).to.deep.equal({
      client: [{ address: '192.168.2.2', device: 'rmnet0', kind: 'subflow' }],
      server: [],
    });
  });

  it('are of the family of the connection', () => {
    const both = (n: number): NodeInterface[] => [
      device('eth0', 'path1', `10.1.0.${n}/24`, `fd01::${n}/64`),
      device('eth1', 'path2', `10.2.0.${n}/24`, `fd02::${n}/64`),
    ];
    expect(endpointsFor(both(1), both(2), 'fd01::2').server.map(({ address }) => address)).to.deep.equal(['fd02::2']);
  });

  it('are none for a single path', () => {
    const one = [device('eth0', 'path1', '10.1.0.1/24')];
    expect(endpointsFor(one, [device('eth0', 'path1', '10.1.0.2/24')], '10.1.0.2')).to.deep.equal({
      client: [],
      server: [],
    });
  });
});

describe('subflows of MPTCP', () => {
  const none: MptcpCounters = { connections: 0, joins: 0, fallbacks: 0 };

  it("are counted from the kernel's table of names and values", () => {
    const netstat = [
      'TcpExt: SyncookiesSent MPCapableSYNACKRX',
      'TcpExt: 7 9',
      'MPTcpExt: MPCapableSYNRX MPCapableSYNTX MPCapableSYNACKRX MPCapableFallbackACK MPJoinSynAckRx MPCapableFallbackSYNACK',
      'MPTcpExt: 0 2 2 1 4 3',
      '',
    ].join('\n');
    expect(parseCounters(netstat)).to.deep.equal({ connections: 2, joins: 4, fallbacks: 4 });
  });

  it('are zero on a kernel without MPTCP', () => {
    expect(parseCounters('TcpExt: A\nTcpExt: 1\n')).to.deep.equal(none);
  });

  it('are those of each connection: iperf3 opens two', () => {
    expect(
      subflowsBetween({ connections: 3, joins: 1, fallbacks: 0 }, { connections: 5, joins: 3, fallbacks: 0 }, 2),
    ).to.equal(2);
  });

  it('make the run fail when they are fewer than the paths: the baseline must be at its best', () => {
    expect(() => subflowsBetween(none, { connections: 2, joins: 0, fallbacks: 0 }, 2))
      .to.throw(LabError, '2 connections, 0 joins')
      .with.property('code', 'E_LAB_MPTCP');
    expect(() => subflowsBetween(none, none, 2)).to.throw(LabError);
    expect(() => subflowsBetween(none, { connections: 2, joins: 2, fallbacks: 1 }, 2)).to.throw(
      LabError,
      '1 fell back',
    );
  });
});
