import { expect } from 'chai';
import { TwoHosts } from './scenario/two-hosts.js';
import { TrackedConnection } from './world/connection-tracking.js';
import type { Link } from './world/link.js';
import { parseIp, parseTcp, TCP, UDP } from './world/packet.js';

const MPIP_PORT = 6747;

/** Drops UDP, and of TCP what a connection's window has no room for. */
class Firewall {
  blocksUdp = true;
  readonly refused: string[] = [];
  private readonly connections = new Map<string, { opener: string; tracked: TrackedConnection }>();

  /** Between a link and what is behind it. */
  in(link: Link): Link {
    const passes = (packet: Uint8Array): boolean => this.passes(packet);
    return new Proxy(link, {
      get: (target, name) =>
        name === 'send'
          ? (packet: Uint8Array, deliver: (packet: Uint8Array) => void) =>
              target.send(packet, (arrived) => {
                if (passes(arrived)) deliver(arrived);
              })
          : Reflect.get(target, name),
    });
  }

  private passes(packet: Uint8Array): boolean {
    const ip = parseIp(packet);
    if (ip.protocol === UDP) return !this.blocksUdp;
    if (ip.protocol !== TCP) return true;
    const { source, destination } = parseTcp(ip);
    const from = `${source.address} ${source.port}`;
    const to = `${destination.address} ${destination.port}`;
    const key = from < to ? `${from} ${to}` : `${to} ${from}`;
    const known = this.connections.get(key) ?? { opener: from, tracked: new TrackedConnection() };
    this.connections.set(key, known);
    const side = from === known.opener ? 0 : 1;
    if (known.tracked.passes(side, packet.subarray(ip.headerBytes))) return true;
    // What an application's connection began with natively does not follow its packets by MPIP, and a new start knows no old connection.
    const isMpip = source.port === MPIP_PORT || destination.port === MPIP_PORT;
    if (isMpip && known.tracked.state !== 'closed') this.refused.push(`${from} to ${to}: ${known.tracked.reason}`);
    return false;
  }
}

interface Walled {
  readonly hosts: TwoHosts;
  readonly firewalls: readonly Firewall[];
}

/** Two paths, of which so many have a firewall in the middle of lossy links. */
function walled(seed: number, walls: number, family: 4 | 6, loss = 0): Walled {
  const link = { rate: 20e6, delay: 8_000, jitter: 2_000, reorder: true, duplicate: loss / 4 } as const;
  const parameters = { ...link, loss: { kind: 'random', probability: loss } } as const;
  const peers = family === 4 ? ['10.1.0.2', '10.2.0.2'] : ['fd00:1::2', 'fd00:2::2'];
  const hosts = new TwoHosts({
    seed,
    paths: [0, 1].map(() => ({ family, forward: parameters, backward: parameters })),
    cross: false,
    a: { config: { peers } },
  });
  const firewalls = Array.from({ length: walls }, (_, i) => {
    const firewall = new Firewall();
    const { network } = hosts.world;
    const behind = (name: string) => hosts.world.link(`${name} behind ${i}`, parameters);
    network.connect(hosts.address('a', i), hosts.address('b', i), [firewall.in(hosts.forward[i]!), behind('b')]);
    network.connect(hosts.address('b', i), hosts.address('a', i), [firewall.in(hosts.backward[i]!), behind('a')]);
    return firewall;
  });
  return { hosts, firewalls };
}

const transports = (hosts: TwoHosts, name: 'a' | 'b'): string =>
  hosts
    .status(name)
    .paths.filter(({ state }) => state === 'live')
    .map(({ transport }) => transport)
    .sort()
    .join(' ');

function reaches(hosts: TwoHosts, wanted: string, within = 20e6): void {
  const { clock } = hosts.world;
  clock.run(clock.now + within, () => (['a', 'b'] as const).every((name) => transports(hosts, name) === wanted));
  for (const name of ['a', 'b'] as const) expect(transports(hosts, name), hosts.mpipd(name).logText()).to.equal(wanted);
}

describe('paths by fake TCP connections', function () {
  this.timeout(60_000);

  for (const family of [4, 6] as const) {
    for (const walls of [1, 2]) {
      const where = walls === 1 ? 'one path' : 'all paths';
      it(`carry streams intact where ${where} of IPv${family} has a window-checking firewall that drops UDP: it refuses no segment, though links lose, double and reorder`, () => {
        for (let seed = 1; seed <= 5; seed++) {
          const { hosts, firewalls } = walled(seed, walls, family, 0.02);
          hosts.start('a');
          hosts.start('b');
          reaches(hosts, walls === 1 ? 'tcp udp' : 'tcp tcp');
          const { clock } = hosts.world;
          const transfer = hosts.tcp({ upload: 200_000, download: 100_000, window: 64 << 10, timestamps: true });
          clock.run(clock.now + 60e6, () => transfer.done);
          expect(transfer.faults(), `seed ${seed}`).to.deep.equal([]);
          expect(
            firewalls.flatMap(({ refused }) => refused),
            `seed ${seed}`,
          ).to.deep.equal([]);
        }
      });
    }
  }

  it('end when UDP works again, and begin when it stops to', () => {
    const { hosts, firewalls } = walled(1, 1, 4);
    hosts.start('a');
    hosts.start('b');
    reaches(hosts, 'tcp udp');
    firewalls[0]!.blocksUdp = false;
    reaches(hosts, 'udp udp');
    firewalls[0]!.blocksUdp = true;
    reaches(hosts, 'tcp udp', 60e6);
    expect(firewalls[0]!.refused).to.deep.equal([]);
  });

  for (const [killed, how] of [
    ['a', 'kill'],
    ['b', 'kill'],
    ['a', 'stop'],
    ['b', 'stop'],
  ] as const) {
    it(`come back after a ${how} and a new start of ${killed === 'a' ? 'the side with the configured peers' : 'the other side'}`, () => {
      const { hosts } = walled(2, 2, 4, 0.01);
      hosts.start('a');
      hosts.start('b');
      reaches(hosts, 'tcp tcp');
      const { clock } = hosts.world;
      hosts.mpipd(killed)[how]();
      clock.runUntil(clock.now + 500_000);
      hosts.start(killed);
      reaches(hosts, 'tcp tcp', 60e6);
    });
  }

  it('are one for each pair of addresses, though both sides may begin', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { hosts } = walled(seed, 2, 4);
      const { clock } = hosts.world;
      const peers = ['10.1.0.1', '10.2.0.1'];
      hosts.start('a');
      hosts.start('b', { peers });
      clock.runUntil(clock.now + 15e6);
      for (const name of ['a', 'b'] as const) expect(transports(hosts, name), `seed ${seed}`).to.equal('tcp tcp');
    }
  });

  it('are not tried by `transport: udp`, and are all there is by `transport: tcp`', () => {
    const none = walled(1, 1, 4);
    none.hosts.start('a', { transport: 'udp' });
    none.hosts.start('b');
    none.hosts.world.clock.runUntil(20e6);
    expect(transports(none.hosts, 'a')).to.equal('udp');
    const all = walled(1, 0, 4);
    all.hosts.start('a', { transport: 'tcp' });
    all.hosts.start('b');
    let datagrams = 0;
    all.hosts.world.network.taps.push((packet) => {
      const { protocol, source } = parseIp(packet);
      if (protocol === UDP && source.endsWith('.1')) datagrams++;
    });
    reaches(all.hosts, 'tcp tcp');
    expect(datagrams).to.equal(0);
  });

  it('are asked for from no host that is not known or configured to run MPIP', () => {
    const { hosts } = walled(1, 2, 4);
    hosts.start('a', { peers: [] });
    let syns = 0;
    hosts.world.network.taps.push((packet) => {
      const ip = parseIp(packet);
      if (ip.protocol === TCP && parseTcp(ip).destination.port === MPIP_PORT) syns++;
    });
    hosts.mpipd('a').destinationSeen('10.1.0.2');
    hosts.world.clock.runUntil(60e6);
    expect(hosts.status('a').availability[0]).to.include({ availability: 'false' });
    expect(syns).to.equal(0);
  });
});
