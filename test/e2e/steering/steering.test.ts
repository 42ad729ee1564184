import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { NetlinkError } from '../../../src/host/netlink/error.js';
import { SteeringError } from '../../../src/host/steering/error.js';
import { AlreadyRunningError, RecordError } from '../../../src/host/steering/record.js';
import { STEERING_DEFAULTS, Steering } from '../../../src/host/steering/steering.js';
import { Hosts, PEER_IPV4, PEER_IPV6 } from './hosts.js';
import { needsRoot } from './needs-root.js';

const MTU = 1400;
const { mark, table, rulePriority } = STEERING_DEFAULTS;
const REVERSE_PATH_FILTERED = ['TcpExt', 'IPReversePathFilter'] as const;

function caught(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('steering', function () {
  needsRoot(this);
  let hosts: Hosts;
  let steering: Steering;

  /** Hosts with steering prepared in `a`. */
  function start(options?: { reversePath?: number }): void {
    hosts = new Hosts(options);
    steering = hosts.steering();
    hosts.a.inside(() => steering.prepare(['eth0']));
  }

  /** An owner in a process of its own that has steered both peers. */
  async function startOwner() {
    const owner = hosts.a.start('owner.ts', hosts.stateDirectory, PEER_IPV4, PEER_IPV6);
    owner.stderr.pipe(process.stderr);
    const [line] = await once(owner.stdout, 'data');
    expect(String(line)).to.equal('ready\n');
    return owner;
  }

  afterEach(() => {
    hosts.a.inside(() => steering.close());
    hosts[Symbol.dispose]();
  });

  describe('of a destination', () => {
    it('sends it, and only it, into the TUN device with the source address of its normal route', () => {
      start();
      hosts.a.ip('addr add 10.66.0.9/24 dev eth0');
      steering.steer(PEER_IPV4, MTU);
      steering.steer(PEER_IPV6, MTU);
      expect(hosts.route(PEER_IPV4)).to.deep.equal({ dev: 'mpip0', src: '10.66.0.1', mtu: MTU });
      expect(hosts.route(PEER_IPV6)).to.deep.equal({ dev: 'mpip0', src: 'fd66::1', mtu: MTU });
      expect(hosts.route('10.66.0.3').dev).to.equal('eth0');
      expect(hosts.route('fd66::3').dev).to.equal('eth0');
      expect(steering.steered()).to.deep.equal([PEER_IPV4, PEER_IPV6]);
    });

    it('leaves marked sockets on the normal route', () => {
      start();
      steering.steer(PEER_IPV4, MTU);
      steering.steer(PEER_IPV6, MTU);
      expect(hosts.route(PEER_IPV4, mark)).to.deep.equal({ dev: 'eth0', src: '10.66.0.1', mtu: undefined });
      expect(hosts.route(PEER_IPV6, mark)).to.deep.equal({ dev: 'eth0', src: 'fd66::1', mtu: undefined });
    });

    it('can be said twice, changes the MTU and ends', () => {
      start();
      const prepared = hosts.snapshot();
      for (const destination of [PEER_IPV4, PEER_IPV6]) {
        steering.steer(destination, MTU);
        steering.steer(destination, MTU);
        steering.steer(destination, 1300);
        expect(hosts.route(destination).mtu).to.equal(1300);
        steering.unsteer(destination);
        steering.unsteer(destination);
        expect(hosts.route(destination).dev).to.equal('eth0');
      }
      expect(hosts.snapshot()).to.deep.equal(prepared);
    });

    it('is refused for what no other host has, or no route leads to', () => {
      start();
      const codeOf = (destination: string) => (caught(() => steering.steer(destination, MTU)) as SteeringError).code;
      expect(codeOf('127.0.0.1')).to.equal('E_NOT_STEERABLE');
      expect(codeOf('10.66.0.1')).to.equal('E_NOT_STEERABLE');
      expect(codeOf('10.66.0.255')).to.equal('E_NOT_STEERABLE');
      expect(codeOf('fd66::1')).to.equal('E_NOT_STEERABLE');
      expect(codeOf('192.0.2.1')).to.equal('E_UNREACHABLE');
      expect(codeOf('2001:db8::1')).to.equal('E_UNREACHABLE');
      expect(steering.steered()).to.deep.equal([]);
    });

    it('is refused before it is prepared and after it is closed, as nothing would undo it', () => {
      hosts = new Hosts({ reversePath: 1 });
      steering = hosts.steering();
      const before = hosts.snapshot();
      for (const state of ['new', 'closed']) {
        expect(() => steering.steer(PEER_IPV4, MTU), state).to.throw('not prepared');
        expect(() => hosts.a.inside(() => steering.watchInterfaces(['eth0'])), state).to.throw('not prepared');
        expect(hosts.snapshot()).to.deep.equal(before);
        hosts.a.inside(() => steering.prepare([]));
        hosts.a.inside(() => steering.close());
      }
    });

    it('is refused when the normal route is the TUN device', () => {
      start();
      hosts.a.ip('route add 192.0.2.0/24 dev mpip0');
      const error = caught(() => steering.steer('192.0.2.1', MTU)) as SteeringError;
      expect(error.code).to.equal('E_NOT_STEERABLE');
      expect(error.message).to.contain('mpip0');
    });
  });

  describe('after changes by others', () => {
    it('takes the next source address when the former one is gone', () => {
      start();
      hosts.a.ip('addr add 10.66.0.9/24 dev eth0');
      hosts.a.sysctl('net/ipv4/conf/eth0/promote_secondaries', 1);
      steering.steer(PEER_IPV4, MTU);
      hosts.a.ip('addr del 10.66.0.1/24 dev eth0');
      expect(steering.refresh()).to.deep.equal([]);
      expect(hosts.route(PEER_IPV4)).to.deep.equal({ dev: 'mpip0', src: '10.66.0.9', mtu: MTU });
    });

    it('puts flushed rules and routes back', () => {
      start();
      steering.steer(PEER_IPV4, MTU);
      steering.steer(PEER_IPV6, MTU);
      const steered = hosts.snapshot();
      hosts.a.ip(`rule del priority ${rulePriority}`);
      hosts.a.ip(`-6 rule del priority ${rulePriority}`);
      hosts.a.ip(`route flush table ${table}`);
      hosts.a.ip(`-6 route flush table ${table}`);
      expect(hosts.route(PEER_IPV4).dev).to.equal('eth0');
      expect(steering.refresh()).to.deep.equal([]);
      expect(hosts.snapshot()).to.deep.equal(steered);
    });

    it('keeps a destination whose normal route is gone while its address lasts', () => {
      start();
      hosts.a.ip('addr add 10.77.0.1/32 dev lo');
      hosts.a.ip('route add 192.0.2.0/24 via 10.66.0.2 src 10.77.0.1');
      steering.steer('192.0.2.1', MTU);
      hosts.a.ip('link set eth0 down');
      expect(steering.refresh()).to.deep.equal([]);
      expect(hosts.route('192.0.2.1')).to.deep.equal({ dev: 'mpip0', src: '10.77.0.1', mtu: MTU });
    });

    it('lets the kernel choose the source for a destination whose normal route and address are gone', () => {
      start();
      hosts.a.ip('addr add 10.77.0.1/32 dev lo');
      steering.steer(PEER_IPV4, MTU);
      steering.steer(PEER_IPV6, MTU);
      hosts.a.ip('addr flush dev eth0');
      expect(steering.refresh()).to.deep.equal([]);
      expect(hosts.route(PEER_IPV4)).to.deep.equal({ dev: 'mpip0', src: '10.77.0.1', mtu: MTU });
      expect(hosts.a.ip(`-6 route show table ${table}`)).to.match(new RegExp(`^${PEER_IPV6} dev mpip0(?!.*src)`));
    });

    it('names the destinations that cannot be steered any more', () => {
      start();
      steering.steer(PEER_IPV4, MTU);
      hosts.a.ip('link set mpip0 down');
      expect(steering.refresh()).to.deep.equal([PEER_IPV4]);
      expect(steering.steered()).to.deep.equal([]);
    });

    it('leaves a reverse-path filter alone that an administrator has set meanwhile', () => {
      start({ reversePath: 1 });
      hosts.a.sysctl('net/ipv4/conf/eth0/rp_filter', 0);
      hosts.a.inside(() => steering.close());
      expect(hosts.a.sysctl('net/ipv4/conf/eth0/rp_filter')).to.equal(0);
      expect(hosts.a.sysctl('net/ipv4/conf/mpip0/rp_filter')).to.equal(1);
    });
  });

  describe('of two programs at once', () => {
    beforeEach(() => {
      hosts = new Hosts();
      steering = hosts.steering();
    });

    it('is refused for a state directory whose owner lives, and says who that is', async () => {
      const owner = await startOwner();
      const owned = hosts.snapshot();
      for (const attempt of [
        () => Steering.cleanUp(hosts.stateDirectory, hosts.netlink),
        () => steering.prepare(['eth0']),
      ]) {
        const error = caught(() => hosts.a.inside(attempt)) as AlreadyRunningError;
        expect(error).to.be.instanceOf(AlreadyRunningError);
        expect(error.code).to.equal('E_ALREADY_RUNNING');
        expect(error.pid).to.equal(owner.pid);
        expect(error.message).to.contain(String(owner.pid));
      }
      expect(hosts.snapshot()).to.deep.equal(owned);
      owner.kill('SIGKILL');
      await once(owner, 'exit');
      hosts.a.inside(() => Steering.cleanUp(hosts.stateDirectory, hosts.netlink));
    });

    it('is refused when the rules exist already, and leaves those alone', () => {
      hosts.a.ip(`rule add priority ${rulePriority} not fwmark ${mark} lookup ${table} proto 67`);
      const before = hosts.snapshot();
      const error = caught(() => hosts.a.inside(() => steering.prepare(['eth0']))) as SteeringError;
      expect(error).to.be.instanceOf(SteeringError);
      expect(error.code).to.equal('E_RULE_EXISTS');
      expect(hosts.snapshot()).to.deep.equal(before);
      expect(existsSync(join(hosts.stateDirectory, 'record.json'))).to.equal(false);
    });

    it('does not touch rules and routes of others in its table', () => {
      hosts.a.ip(`rule add priority ${rulePriority} from 10.66.0.1 fwmark ${mark} lookup ${table}`);
      hosts.a.ip(`route add 192.0.2.7 dev mpip0 table ${table}`);
      hosts.a.ip(`route add 192.0.2.8 dev eth0 table ${table} proto 67`);
      const before = hosts.snapshot();
      hosts.a.inside(() => steering.prepare(['eth0']));
      steering.steer(PEER_IPV4, MTU);
      hosts.a.inside(() => steering.close());
      expect(hosts.snapshot()).to.deep.equal(before);
    });
  });

  for (const reversePath of [0, 1, 2]) {
    describe(`with rp_filter ${reversePath}`, () => {
      beforeEach(() => {
        hosts = new Hosts({ reversePath });
        steering = hosts.steering();
      });

      it('restores everything when it is closed, and can be used again', () => {
        const before = hosts.snapshot();
        for (let round = 0; round < 2; round++) {
          hosts.a.inside(() => steering.prepare(['eth0']));
          steering.steer(PEER_IPV4, MTU);
          steering.steer(PEER_IPV6, MTU);
          expect(hosts.snapshot()).not.to.deep.equal(before);
          hosts.a.inside(() => steering.close());
          expect(hosts.snapshot()).to.deep.equal(before);
          expect(existsSync(join(hosts.stateDirectory, 'record.json'))).to.equal(false);
        }
      });

      it('restores everything after kill -9 of its owner, once', async () => {
        const before = hosts.snapshot();
        const owner = await startOwner();
        expect(hosts.route(PEER_IPV4).dev).to.equal('mpip0');
        owner.kill('SIGKILL');
        await once(owner, 'exit');
        expect(hosts.snapshot()).not.to.deep.equal(before);
        const cleanUp = () => hosts.a.inside(() => Steering.cleanUp(hosts.stateDirectory, hosts.netlink));
        expect(cleanUp()).to.equal(true);
        expect(hosts.snapshot()).to.deep.equal(before);
        expect(cleanUp()).to.equal(false);
      });

      it('starts over a dead owner and still restores what was there before both', async () => {
        const before = hosts.snapshot();
        const owner = await startOwner();
        owner.kill('SIGKILL');
        await once(owner, 'exit');
        hosts.a.inside(() => steering.prepare(['eth0']));
        hosts.a.inside(() => steering.close());
        expect(hosts.snapshot()).to.deep.equal(before);
      });

      it('lets packets of a steered address in through the path interface', () => {
        hosts.a.inside(() => steering.prepare(['eth0']));
        steering.steer(PEER_IPV4, MTU);
        send(hosts, '10.66.0.1');
        expect(hosts.a.counter(...REVERSE_PATH_FILTERED)).to.equal(0);
        expect(hosts.a.counter('Udp', 'NoPorts')).to.equal(1);
      });
    });
  }

  it('is about a filter that drops those packets in strict mode', () => {
    start({ reversePath: 1 });
    send(hosts, '10.66.0.1');
    steering.steer(PEER_IPV4, MTU);
    hosts.a.sysctl('net/ipv4/conf/eth0/rp_filter', 1);
    send(hosts, '10.66.0.1');
    expect(hosts.a.counter(...REVERSE_PATH_FILTERED)).to.equal(1);
    hosts.a.inside(() => steering.watchInterfaces(['eth0']));
    send(hosts, '10.66.0.1');
    expect(hosts.a.counter(...REVERSE_PATH_FILTERED)).to.equal(1);
    hosts.a.inside(() => steering.close());
    expect(hosts.a.sysctl('net/ipv4/conf/eth0/rp_filter')).to.equal(1);
  });

  for (const reversePath of [1, 2]) {
    it(`takes what comes out of the TUN device from any source, with rp_filter ${reversePath} by default`, async () => {
      hosts = new Hosts({ reversePath });
      steering = hosts.steering();
      using relay = hosts.relay();
      const noPorts = () => hosts.a.counter('Udp', 'NoPorts');
      relay.inject(datagram('10.66.0.3', '10.66.0.1'));
      expect(hosts.a.counter(...REVERSE_PATH_FILTERED)).to.equal(1);
      hosts.a.inside(() => steering.prepare(['eth0']));
      relay.inject(datagram('10.66.0.3', '10.66.0.1'));
      expect(hosts.a.counter(...REVERSE_PATH_FILTERED)).to.equal(1);
      expect(noPorts()).to.equal(1);
    });
  }

  describe('with a record', () => {
    beforeEach(() => {
      hosts = new Hosts({ reversePath: 1 });
      steering = hosts.steering();
    });

    /** The record that a process which is gone would have left, changed by `edit`. */
    function leaveRecord(edit: (record: { owner: Record<string, unknown> }) => void): void {
      const path = join(hosts.stateDirectory, 'record.json');
      hosts.a.inside(() => steering.prepare(['eth0']));
      const record = JSON.parse(readFileSync(path, 'utf8'));
      hosts.a.inside(() => steering.close());
      record.owner.pid = spawnSync('true').pid;
      edit(record);
      writeFileSync(path, JSON.stringify(record));
    }

    it('of changes that were never made undoes nothing', () => {
      const before = hosts.snapshot();
      leaveRecord(() => undefined);
      expect(hosts.a.inside(() => Steering.cleanUp(hosts.stateDirectory, hosts.netlink))).to.equal(true);
      expect(hosts.snapshot()).to.deep.equal(before);
    });

    it('of a pid that another process has now is a dead one', () => {
      leaveRecord((record) => {
        record.owner.pid = process.pid;
        record.owner.startTime = '1';
      });
      expect(hosts.a.inside(() => Steering.cleanUp(hosts.stateDirectory, hosts.netlink))).to.equal(true);
    });

    for (const [what, change] of [
      ['another network namespace', { networkNamespace: 'net:[1]' }],
      ['before the machine started', { bootId: 'another' }],
    ] as const) {
      it(`of ${what} is dropped without touching anything`, () => {
        leaveRecord((record) => Object.assign(record.owner, change));
        hosts.a.sysctl('net/ipv4/conf/eth0/rp_filter', 2);
        const before = hosts.snapshot();
        expect(hosts.a.inside(() => Steering.cleanUp(hosts.stateDirectory, hosts.netlink))).to.equal(false);
        expect(hosts.snapshot()).to.deep.equal(before);
        expect(existsSync(join(hosts.stateDirectory, 'record.json'))).to.equal(false);
      });
    }

    it('that cannot be read is an error that names the file', () => {
      const path = join(hosts.stateDirectory, 'record.json');
      writeFileSync(path, '{"version":1');
      const error = caught(() => Steering.cleanUp(hosts.stateDirectory, hosts.netlink)) as RecordError;
      expect(error).to.be.instanceOf(RecordError);
      expect(error.code).to.equal('E_RECORD');
      expect(error.message).to.contain(path);
    });
  });

  it('passes the kernel’s words on when a request is refused', () => {
    start();
    const route = { destination: PEER_IPV4, prefix: 32, table, interfaceIndex: hosts.tunIndex, protocol: 67 };
    const error = caught(() => hosts.netlink.addRoute({ ...route, source: '203.0.113.1' })) as NetlinkError;
    expect(error).to.be.instanceOf(NetlinkError);
    expect(error.code).to.equal('E_NETLINK');
    expect(error.errnoName).to.equal('EINVAL');
    expect(error.kernelMessage).to.equal('Invalid prefsrc address');
    expect(error.message).to.contain('203.0.113.1');
  });
});

/** One datagram from `b` to a port of `a` that nobody listens on. */
function send(hosts: Hosts, address: string): void {
  hosts.b.bash(`echo > /dev/udp/${address}/7`);
}

/** An IPv4 packet with an empty UDP datagram for a port that nobody listens on. */
function datagram(source: string, destination: string): Uint8Array {
  const bytes = (address: string) => address.split('.').map(Number);
  const packet = Uint8Array.of(
    0x45,
    0,
    0,
    28,
    0,
    0,
    0,
    0,
    64,
    17,
    0,
    0,
    ...bytes(source),
    ...bytes(destination),
    0,
    9,
    0,
    7,
    0,
    8,
    0,
    0,
  );
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += (packet[i] << 8) | packet[i + 1];
  const checksum = ~((sum & 0xffff) + (sum >>> 16));
  packet.set([checksum >> 8, checksum], 10);
  return packet;
}
