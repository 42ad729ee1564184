import { once } from 'node:events';
import { expect } from 'chai';
import { Sniffer } from '../../../src/host/sniffer/sniffer.js';
import { Hosts, PEER_IPV4, PEER_IPV6 } from './hosts.js';
import { needsRoot } from './needs-root.js';

const WRAPPER_PORT = 6747;
/** Packets after which one of a share of 1/16 is missing once in 10^11 runs. */
const MANY = 400;

describe('the sniffer', function () {
  needsRoot(this);
  let hosts: Hosts;
  let sniffer: Sniffer;
  let now = 0;

  beforeEach(() => {
    hosts = new Hosts();
    const loopback = hosts.netlink.links().find((link) => link.loopback)?.index ?? 0;
    sniffer = hosts.a.inside(() => new Sniffer({ port: WRAPPER_PORT, except: [loopback, hosts.tunIndex] }));
  });

  afterEach(() => {
    sniffer[Symbol.dispose]();
    hosts[Symbol.dispose]();
  });

  /** What is reported when so much time has passed that nothing is held back as a repetition. */
  function seen(): string[] {
    const addresses: string[] = [];
    now += 10_000;
    sniffer.drain((address) => addresses.push(address), now);
    return addresses;
  }

  /** Sends `count` datagrams from `a` (or `from`) in one process. */
  function udp(address: string, port: number, count: number, from = hosts.a): void {
    from.bash(`for ((i = 0; i < ${count}; i++)); do echo x; done > /dev/udp/${address}/${port}`);
  }

  /** Opens a TCP connection to a port that refuses it. */
  function connectTo(address: string, from = hosts.a): void {
    from.bash(`: < /dev/tcp/${address}/5999`);
  }

  it('reports where a TCP connection is opened to, over IPv4 and IPv6', () => {
    connectTo(PEER_IPV4);
    connectTo(PEER_IPV6);
    expect(seen()).to.deep.equal([PEER_IPV4, PEER_IPV6]);
  });

  it('sees the SYN of a connection and none of its other packets', async () => {
    const sink = hosts.b.start('tcp-sink.ts');
    try {
      await once(sink.stdout, 'data');
      const source = hosts.a.start('tcp-source.ts', PEER_IPV4, '1000000');
      await once(source.stdout, 'data');
      source.stdin.write('finish\n');
      await once(source, 'exit');
      let reports = 0;
      // Every report counts: nothing is held back.
      for (let packets = 0; packets < 100; packets++) reports += seen().length;
      expect(reports).to.equal(1);
    } finally {
      sink.kill('SIGKILL');
    }
  });

  it('reports a destination of UDP packets once a second', () => {
    udp(PEER_IPV4, 5001, MANY);
    udp(PEER_IPV6, 5001, MANY);
    const reports: string[] = [];
    const drainAt = (time: number) => sniffer.drain((address) => reports.push(address), time);
    drainAt(0);
    expect(reports).to.deep.equal([PEER_IPV4, PEER_IPV6]);
    udp(PEER_IPV4, 5001, MANY);
    drainAt(999);
    expect(reports).to.have.length(2);
    udp(PEER_IPV4, 5001, MANY);
    drainAt(1000);
    expect(reports).to.deep.equal([PEER_IPV4, PEER_IPV6, PEER_IPV4]);
  });

  it('does not see the wrapper’s packets', () => {
    udp(PEER_IPV4, WRAPPER_PORT, MANY);
    udp(PEER_IPV6, WRAPPER_PORT, MANY);
    expect(seen()).to.deep.equal([]);
  });

  it('does not see loopback traffic, to its own addresses either', () => {
    connectTo('127.0.0.1');
    connectTo('10.66.0.1');
    connectTo('fd66::1');
    expect(seen()).to.deep.equal([]);
  });

  it('does not see what goes into the TUN device', () => {
    using relay = hosts.relay();
    using steering = hosts.steering();
    hosts.a.inside(() => steering.prepare(['eth0']));
    using unfiltered = hosts.a.inside(() => new Sniffer({ port: WRAPPER_PORT, except: [] }));
    steering.steer(PEER_IPV4, 1400);
    udp(PEER_IPV4, 5001, MANY);
    expect(seen()).to.deep.equal([]);
    const reports: string[] = [];
    unfiltered.drain((address) => reports.push(address));
    expect(reports).to.deep.equal([PEER_IPV4]);
    expect(relay.counts.sendErrors).to.equal(0);
    hosts.a.inside(() => steering.close());
  });

  it('does not see what comes in', () => {
    connectTo('10.66.0.1', hosts.b);
    udp('fd66::1', 5001, MANY, hosts.b);
    expect(seen()).to.deep.equal([]);
  });

  it('leaves out multicast and link-local destinations', () => {
    hosts.a.ip('route add 224.0.0.0/4 dev eth0');
    hosts.a.ip('addr add 169.254.0.1/16 dev eth0');
    hosts.b.ip('addr add 169.254.0.2/16 dev eth0');
    hosts.b.ip('addr add fe80::2/64 dev eth0 nodad');
    hosts.a.ip('addr add fe80::1/64 dev eth0 nodad');
    udp('224.0.0.251', 5353, MANY);
    udp('ff02::fb%eth0', 5353, MANY);
    connectTo('169.254.0.2');
    connectTo('fe80::2%eth0');
    expect(seen()).to.deep.equal([]);
  });
});
