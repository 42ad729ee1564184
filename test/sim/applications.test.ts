import { expect } from 'chai';
import type { Host } from './world/host.js';
import type { LinkParameters } from './world/link.js';
import { Mpipd, type MpipdOptions } from './world/mpipd.js';
import { portUnreachable } from './world/packet.js';
import { type RelayFault, RelayNode } from './world/relay-node.js';
import { TcpSocket } from './world/tcp.js';
import { Transfer } from './world/transfer.js';
import { pace, UdpFlow } from './world/udp.js';
import { World } from './world/world.js';

interface Pair {
  readonly world: World;
  readonly a: Host;
  readonly b: Host;
}

/** Two hosts with as many disjoint paths as addresses; `parameters` for both directions of each. */
function pair(seed: number, parameters: readonly Partial<LinkParameters>[], six = false): Pair {
  const world = new World(seed);
  const address = (side: number, i: number): string => (six ? `fd00:${i + 1}::${side}` : `10.${i + 1}.0.${side}`);
  const addresses = (side: number): string[] => parameters.map((_, i) => address(side, i));
  const a = world.host('a', { addresses: addresses(1), clockOffset: 5e6 });
  const b = world.host('b', { addresses: addresses(2), clockOffset: 9e9, clockDrift: 40 });
  parameters.forEach((link, i) => {
    world.network.connect(address(1, i), address(2, i), [world.link(`a b ${i}`, link)]);
    world.network.connect(address(2, i), address(1, i), [world.link(`b a ${i}`, link)]);
  });
  return { world, a, b };
}

function relay(
  from: Host,
  to: Host,
  options: MpipdOptions = {},
  fault: RelayFault = 'none',
): { mpipd: Mpipd; node: RelayNode } {
  let node: RelayNode | undefined;
  const peers = to.addresses.map((address) => ({ address, port: 6747 }));
  const mtu = from.mtu - (from.addresses[0]!.includes(':') ? 48 : 28);
  const mpipd = new Mpipd(
    from,
    (memory, slots, io) => {
      node = new RelayNode(memory, slots, io, peers, mtu, fault);
      return node;
    },
    options,
  );
  return { mpipd, node: node! };
}

function transfer({ a, b }: Pair, upload: number, download: number, timestamps = true): Transfer {
  const from = { address: a.addresses[0]!, port: 40_000 };
  const to = { address: b.addresses[0]!, port: 80 };
  return new Transfer({ client: a, server: b, from, to, upload, download, seed: 11, timestamps });
}

function flow({ a, b }: Pair): UdpFlow {
  const from = { address: a.addresses[0]!, port: 5000 };
  const to = { address: b.addresses[0]!, port: 6000 };
  return new UdpFlow({ sender: a, receiver: b, from, to, seed: 12 });
}

describe('simulator: TCP', () => {
  it('fills a clean link', () => {
    const hosts = pair(1, [{ rate: 20e6, delay: 10_000, queueBytes: 300_000 }]);
    const connection = transfer(hosts, 5_000_000, 0);
    expect(hosts.world.clock.run(60e6, () => connection.done)).to.equal(true);
    expect(connection.faults()).to.deep.equal([]);
    // 5 MB in full packets take 2.07 s at 20 Mbit/s.
    expect(hosts.world.clock.now).to.be.within(2.07e6, 2.6e6);
  });

  it('sends super-packets of whole segments', () => {
    const hosts = pair(1, [{ rate: 100e6, delay: 10_000 }]);
    const sizes: number[] = [];
    hosts.world.network.taps.push((packet) => sizes.push(packet.length));
    const connection = transfer(hosts, 1_000_000, 0);
    hosts.world.clock.run(60e6, () => connection.done);
    expect(Math.max(...sizes)).to.equal(1500);
    expect(sizes.filter((size) => size === 1500).length).to.be.at.least(Math.floor(1_000_000 / 1448));
  });

  for (let seed = 1; seed <= 40; seed++) {
    const reorder = seed % 2 === 0;
    const loss = (seed % 6) / 100;
    it(`delivers both streams intact with loss ${loss}${reorder ? ', reordering and duplicates' : ''} (seed ${seed})`, () => {
      const link: Partial<LinkParameters> = {
        rate: 10e6,
        delay: 5_000,
        jitter: 3_000,
        reorder,
        duplicate: reorder ? 0.01 : 0,
        corrupt: reorder ? 0.01 : 0,
        loss: seed % 3 === 0 ? { kind: 'burst', mean: loss, length: 4 } : { kind: 'random', probability: loss },
        queueBytes: 60_000,
      };
      const hosts = pair(seed, [link], seed % 4 === 0);
      const connection = transfer(hosts, 200_000, seed % 5 === 0 ? 100_000 : 0, seed % 7 !== 0);
      hosts.world.clock.run(300e6, () => connection.done);
      expect(connection.faults()).to.deep.equal([]);
      expect(hosts.a.counters.strayNative + hosts.b.counters.strayNative).to.equal(0);
    });
  }

  it('notices foreign bytes', () => {
    const hosts = pair(1, [{ rate: 20e6, delay: 1_000 }]);
    const from = { address: hosts.a.addresses[0]!, port: 40_000 };
    const to = { address: hosts.b.addresses[0]!, port: 80 };
    const nothing = { length: 0, seed: 0 };
    let server: TcpSocket | undefined;
    hosts.b.listenTcp(to, (syn) => {
      server = new TcpSocket(hosts.b, to, from, { send: nothing, receive: { length: 10_000, seed: 2 } }, syn);
    });
    const client = new TcpSocket(hosts.a, from, to, { send: { length: 10_000, seed: 1 }, receive: nothing }, null);
    hosts.world.clock.run(60e6, () => client.done);
    expect(client.done).to.equal(true);
    expect(server?.corruptAt).to.equal(0);
  });
});

describe('simulator: UDP', () => {
  it('arrives complete, once and in order over a clean link', () => {
    const hosts = pair(1, [{ rate: 10e6, delay: 1_000, jitter: 2_000 }]);
    const datagrams = flow(hosts);
    pace(
      datagrams,
      { interval: 2_000, bytes: () => 900, burst: () => hosts.world.random.integer(1, 4) },
      () => datagrams.sent >= 300,
    );
    hosts.world.clock.runUntil(5e6);
    expect(datagrams.missing()).to.deep.equal([]);
    expect(datagrams.arrivals.map(({ number }) => number)).to.deep.equal(
      Array.from({ length: datagrams.sent }, (_, i) => i),
    );
    expect(datagrams.foreign).to.equal(0);
  });

  it('knows its datagrams on the link, so that each missing one is explained', () => {
    const hosts = pair(1, [{ rate: 10e6, delay: 1_000, loss: { kind: 'random', probability: 0.2 } }]);
    const datagrams = flow(hosts);
    const dropped: (number | null)[] = [];
    hosts.world.links[0]!.observer = (event, packet) => {
      if (event === 'lost') dropped.push(datagrams.numberIn(packet));
    };
    pace(datagrams, { interval: 1_000, bytes: () => 100 }, () => datagrams.sent >= 500);
    hosts.world.clock.runUntil(5e6);
    expect(dropped.length).to.be.greaterThan(50);
    expect(datagrams.missing()).to.deep.equal(dropped);
  });
});

describe('simulator: host and daemon', () => {
  const paths: Partial<LinkParameters>[] = [
    { rate: 20e6, delay: 5_000 },
    { rate: 20e6, delay: 5_000 },
  ];

  for (const six of [false, true]) {
    it(`carry TCP and UDP of a steered ${six ? 'IPv6' : 'IPv4'} destination through TUN, wire and TUN`, () => {
      const hosts = pair(3, paths, six);
      const relays = [
        relay(hosts.a, hosts.b, { gro: true, wakeDelay: 2_000 }),
        relay(hosts.b, hosts.a, { gro: true, wakeDelay: 2_000 }),
      ];
      hosts.world.clock.runUntil(10_000);
      const connection = transfer(hosts, 300_000, 100_000);
      const datagrams = flow(hosts);
      pace(
        datagrams,
        { interval: 5_000, bytes: () => 700, burst: () => hosts.world.random.integer(1, 5) },
        () => datagrams.sent >= 200,
      );
      hosts.world.clock.run(60e6, () => connection.done);
      hosts.world.clock.runUntil(hosts.world.clock.now + 2e6);
      expect(connection.faults()).to.deep.equal([]);
      expect(datagrams.missing()).to.deep.equal([]);
      expect(datagrams.foreign).to.equal(0);
      expect(datagrams.count('native')).to.equal(0);
      expect(connection.clientSocket.arrivals.native + connection.serverSocket!.arrivals.native).to.equal(0);
      expect(relays[1]!.node.messagesOfSeveral).to.be.greaterThan(20);
      // Both links were used, and nothing but the wrapper was on them.
      for (const link of hosts.world.links) expect(link.counters.sentPackets).to.be.greaterThan(50);
      expect(connection.clientSocket.currentMss).to.equal(1500 - (six ? 48 + 60 : 28 + 40) - 12);
    });
  }

  it('report a destination to the sniffer and ICMP to the node', () => {
    const hosts = pair(3, paths);
    const { mpipd, node } = relay(hosts.a, hosts.b);
    hosts.world.clock.runUntil(1_000);
    mpipd.unsteer(hosts.b.addresses[0]!);
    const datagrams = flow(hosts);
    pace(datagrams, { interval: 100_000, bytes: () => 100 }, () => datagrams.sent >= 11);
    hosts.world.clock.runUntil(2e6);
    expect(datagrams.count('native')).to.equal(11);
    expect(node.seen).to.deep.equal([hosts.b.addresses[0], hosts.b.addresses[0]]);

    mpipd.steer(hosts.b.addresses[0]!, 1400);
    datagrams.send(100);
    hosts.world.clock.runUntil(3e6);
    expect(node.unreachables).to.deep.equal([{ address: hosts.b.addresses[0], port: 6747 }]);
  });

  it('send natively again when the daemon is killed', () => {
    const hosts = pair(3, paths);
    const { mpipd } = relay(hosts.a, hosts.b);
    relay(hosts.b, hosts.a);
    hosts.world.clock.runUntil(1_000);
    const datagrams = flow(hosts);
    datagrams.send(100);
    hosts.world.clock.runUntil(1e6);
    mpipd.kill();
    datagrams.send(100);
    hosts.world.clock.runUntil(2e6);
    expect(datagrams.arrivals.map(({ via }) => via)).to.deep.equal(['tun', 'native']);
  });

  it('run the same, to the microsecond, with the same seed', () => {
    const run = (): unknown => {
      const hosts = pair(5, [{ rate: 20e6, delay: 5_000, jitter: 3_000, loss: { kind: 'random', probability: 0.02 } }]);
      relay(hosts.a, hosts.b, { gro: true, wakeDelay: 500 });
      relay(hosts.b, hosts.a, { wakeDelay: 500 });
      const datagrams = flow(hosts);
      pace(datagrams, { interval: 1_000, bytes: () => 200 }, () => datagrams.sent >= 200);
      hosts.world.clock.runUntil(1e6);
      return datagrams.arrivals;
    };
    expect(run()).to.deep.equal(run());
  });

  const faults: [RelayFault, RegExp][] = [
    ['bad-partial-checksum', /partial checksum/],
    ['closed-route', /not open/],
    ['stuck-timer', /nextTimeout\(\) stays/],
    ['reads-slot-late', /IP version 10/],
  ];
  for (const [fault, message] of faults) {
    it(`notice a node that is wrong: ${fault}`, () => {
      const hosts = pair(3, [{ delay: 1_000 }]);
      relay(hosts.a, hosts.b, {}, fault === 'closed-route' || fault === 'stuck-timer' ? fault : 'none');
      relay(hosts.b, hosts.a, {}, fault);
      hosts.world.clock.at(1_000, () => flow(hosts).send(100));
      expect(() => hosts.world.clock.runUntil(1e6)).to.throw(message);
    });
  }

  it('notice a node that reads the TUN buffer after its call', () => {
    const hosts = pair(3, [{ delay: 1_000 }]);
    relay(hosts.a, hosts.b, {}, 'reads-tun-late');
    relay(hosts.b, hosts.a);
    hosts.world.clock.at(1_000, () => flow(hosts).send(100));
    expect(() => hosts.world.clock.runUntil(1e6)).to.throw(/IP version 10/);
  });

  it("ignore ICMP about datagrams that are not the daemon's", () => {
    const hosts = pair(3, paths);
    const { node } = relay(hosts.a, hosts.b);
    const datagrams = flow({ ...hosts, b: hosts.b });
    hosts.world.network.taps.push((packet) => {
      if (datagrams.numberIn(packet) === 0)
        hosts.b.transmit(portUnreachable(hosts.b.addresses[0]!, packet), hosts.b.addresses[0]!);
    });
    hosts.a.mpipd!.unsteer(hosts.b.addresses[0]!);
    datagrams.send(100);
    hosts.world.clock.runUntil(1e6);
    expect(node.unreachables).to.deep.equal([]);
  });
});
