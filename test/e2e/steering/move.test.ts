import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { ROUTE_PROTOCOL } from '../../../src/host/steering/changes.js';
import { STEERING_DEFAULTS, type Steering } from '../../../src/host/steering/steering.js';
import { Hosts, PEER_IPV4, PEER_IPV6 } from './hosts.js';
import type { NativeRelay } from './native-relay.js';
import { needsRoot } from './needs-root.js';

const MTU = 1400;
/** The kernel cuts for the old MTU only what it is about to send when the route changes, which may be nothing. */
const MOVES = 20;
/** What comes after the last move. */
const AFTER_BYTES = 1 << 20;

describe('a TCP connection that is steered in the middle of a transfer', function () {
  needsRoot(this);
  let hosts: Hosts;
  let relay: NativeRelay;
  let steering: Steering;

  beforeEach(() => {
    hosts = new Hosts();
    // A small window: the queue of the TUN device must not overflow, since its losses would hide those of the move.
    hosts.b.sysctl('net/ipv4/tcp_rmem', '4096 131072 131072');
    relay = hosts.relay();
    steering = hosts.steering();
    hosts.a.inside(() => steering.prepare(['eth0']));
  });

  afterEach(() => {
    hosts.a.inside(() => steering.close());
    relay[Symbol.dispose]();
    hosts[Symbol.dispose]();
  });

  /** Sends data from `a` to `b` while the route is moved to the TUN device and back. Expects that all of it arrives unchanged. */
  async function transfer(destination: string, steer: () => void, unsteer: () => void): Promise<void> {
    const sink = hosts.b.start('tcp-sink.ts');
    try {
      await once(sink.stdout, 'data');
      const source = hosts.a.start('tcp-source.ts', destination, String(AFTER_BYTES));
      source.stderr.pipe(process.stderr);
      const lines = createInterface(source.stdout)[Symbol.asyncIterator]();
      const received = once(createInterface(sink.stdout), 'line');
      expect((await lines.next()).value).to.equal('flowing');
      for (let move = 0; move < MOVES; move++) {
        steer();
        await grows(() => relay.counts.packets);
        unsteer();
        await grows(() => hosts.b.counter('Tcp', 'InSegs') - relay.counts.packets);
      }
      source.stdin.write('finish\n');
      const sent = (await lines.next()).value;
      const [line] = await received;
      expect(JSON.parse(line)).to.deep.equal(JSON.parse(sent));
    } finally {
      sink.kill('SIGKILL');
    }
  }

  async function grows(count: () => number): Promise<void> {
    const enough = count() + 200;
    while (count() < enough) await setImmediate();
  }

  it('loses nothing over IPv4: what was cut before is fragmented, and the fragments pass natively', async () => {
    await transfer(
      PEER_IPV4,
      () => steering.steer(PEER_IPV4, MTU),
      () => steering.unsteer(PEER_IPV4),
    );
    expect(relay.counts).to.include({ dontFragment: 0, longest: MTU, sendErrors: 0 });
    expect(hosts.a.counter('Ip', 'FragFails')).to.equal(0);
    expect(relay.counts.fragments).to.be.greaterThan(0);
    expect(hosts.b.counter('Ip', 'ReasmOKs')).to.equal(relay.counts.fragments / 2);
    expect(hosts.b.counter('Ip', 'ReasmFails')).to.equal(0);
  });

  it('would lose packets over IPv4 if the MTU were not locked', async () => {
    const route = {
      destination: PEER_IPV4,
      prefix: 32,
      table: STEERING_DEFAULTS.table,
      interfaceIndex: hosts.tunIndex,
      mtu: MTU,
      protocol: ROUTE_PROTOCOL,
    };
    await transfer(
      PEER_IPV4,
      () => hosts.netlink.addRoute(route),
      () => hosts.netlink.deleteRoute(route),
    );
    expect(hosts.a.counter('Ip', 'FragFails')).to.be.greaterThan(0);
    expect(relay.counts.fragments).to.equal(0);
  });

  it('moves over IPv6 too, without fragments', async () => {
    await transfer(
      PEER_IPV6,
      () => steering.steer(PEER_IPV6, MTU),
      () => steering.unsteer(PEER_IPV6),
    );
    expect(relay.counts).to.include({ fragments: 0, longest: MTU, sendErrors: 0 });
  });
});
