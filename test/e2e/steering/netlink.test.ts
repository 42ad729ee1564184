import { expect } from 'chai';
import { NetlinkError } from '../../../src/host/netlink/error.js';
import { NetlinkEvents } from '../../../src/host/netlink/events.js';
import { Netlink } from '../../../src/host/netlink/netlink.js';
import { connect, TestNamespace } from './namespace.js';
import { needsRoot } from './needs-root.js';

interface IpLink {
  ifindex: number;
  ifname: string;
  mtu: number;
  flags: string[];
  linkinfo?: { info_kind?: string };
}

interface IpAddress {
  ifindex: number;
  addr_info: { local: string; prefixlen: number; scope: string; deprecated?: boolean; tentative?: boolean }[];
}

describe('netlink', function () {
  needsRoot(this);
  let a: TestNamespace;
  let b: TestNamespace;
  let netlink: Netlink;

  beforeEach(() => {
    a = new TestNamespace();
    b = new TestNamespace();
    connect(a, b, 'eth0');
    netlink = a.inside(() => new Netlink());
  });

  afterEach(() => {
    netlink[Symbol.dispose]();
    a[Symbol.dispose]();
    b[Symbol.dispose]();
  });

  const indexOf = (name: string) => netlink.links().find((link) => link.name === name)?.index ?? 0;

  it('lists the links that ip lists', () => {
    a.ip('link add veth0 type veth peer name veth1');
    a.ip('link add bridge0 mtu 1280 type bridge');
    a.ip('tuntap add mode tun name tun0');
    a.ip('link set tun0 up');
    const listed = a.ipJson<IpLink[]>('-d link').map((link) => ({
      index: link.ifindex,
      name: link.ifname,
      mtu: link.mtu,
      up: link.flags.includes('UP'),
      carrier: link.flags.includes('LOWER_UP'),
      loopback: link.flags.includes('LOOPBACK'),
      kind: link.linkinfo?.info_kind ?? '',
    }));
    expect(listed).to.have.length(6);
    expect(netlink.links()).to.have.deep.members(listed);
  });

  it('lists the addresses that ip lists', () => {
    a.ip('addr add 10.88.0.1/32 peer 10.88.0.2 dev eth0');
    a.ip('addr add 10.89.0.1/16 dev lo scope link');
    a.ip('addr add fd77::5/128 dev eth0 preferred_lft 0 nodad');
    b.ip('addr add fd66::7/64 dev eth0 nodad');
    a.sysctl('net/ipv6/conf/eth0/accept_dad', 1);
    a.sysctl('net/ipv6/conf/eth0/dad_transmits', 20);
    a.ip('addr add fd66::8/64 dev eth0');
    const listed = a.ipJson<IpAddress[]>('addr').flatMap(({ ifindex, addr_info }) =>
      addr_info.map((info) => ({
        interfaceIndex: ifindex,
        address: info.local,
        prefix: info.prefixlen,
        scope: info.scope,
        tentative: info.tentative ?? false,
        deprecated: info.deprecated ?? false,
      })),
    );
    expect(netlink.addresses()).to.have.deep.members(listed);
    expect(listed.filter((address) => address.tentative)).to.have.length(1);
    expect(listed.filter((address) => address.deprecated)).to.have.length(1);
  });

  it('lists more than one datagram holds', () => {
    const added = Array.from({ length: 600 }, (_, i) => `10.90.${i >> 8}.${i & 255}/32`);
    a.ipBatch(added.map((address) => `addr add ${address} dev lo`));
    const listed = new Set(netlink.addresses().map(({ address, prefix }) => `${address}/${prefix}`));
    expect(added.filter((address) => !listed.has(address))).to.deep.equal([]);
  });

  it('lists the rules that ip lists', () => {
    a.ip('rule add priority 100 not fwmark 0x5 lookup 300 protocol 99');
    a.ip('-6 rule add priority 101 fwmark 0x5/0xff from fd66::/64 lookup main protocol 99');
    a.ip('rule add priority 102 from 10.66.0.1 protocol 99 unreachable');
    const added = netlink.rules().filter(({ priority }) => priority >= 100 && priority < 200);
    expect(added).to.deep.equal([
      {
        family: 'ipv4',
        priority: 100,
        invert: true,
        mark: 5,
        markMask: 0xffffffff,
        otherSelectors: false,
        table: 300,
        protocol: 99,
      },
      {
        family: 'ipv4',
        priority: 102,
        invert: false,
        mark: 0,
        markMask: 0,
        otherSelectors: true,
        protocol: 99,
      },
      {
        family: 'ipv6',
        priority: 101,
        invert: false,
        mark: 5,
        markMask: 0xff,
        otherSelectors: true,
        table: 254,
        protocol: 99,
      },
    ]);
  });

  it('sets MTU, state and longest super-packet of a link', () => {
    const index = indexOf('eth0');
    netlink.setLink(index, { mtu: 1400, gsoMaxSize: 61000 });
    netlink.setLink(index, { up: false });
    const [link] = a.ipJson<(IpLink & { gso_max_size: number })[]>('-d link show dev eth0');
    expect(link.mtu).to.equal(1400);
    expect(link.gso_max_size).to.equal(61000);
    expect(link.flags).not.to.include('UP');
    netlink.setLink(index, { up: true });
    expect(netlink.links().find((one) => one.index === index)?.up).to.equal(true);
  });

  it('finds the route with gateway, source and MTU that a mark leads to', () => {
    a.ip('route add 192.0.2.0/24 via 10.66.0.2 mtu 1333');
    a.ip('route add 192.0.2.0/24 via inet6 fd66::2 table 7');
    a.ip('rule add priority 100 fwmark 9 lookup 7');
    expect(netlink.routeGet('192.0.2.1')).to.include({
      type: 'unicast',
      gateway: '10.66.0.2',
      source: '10.66.0.1',
      interfaceIndex: indexOf('eth0'),
      mtu: 1333,
    });
    expect(netlink.routeGet('192.0.2.1', { mark: 9 })).to.include({ gateway: 'fd66::2', source: '10.66.0.1' });
  });

  it('names request, error and the kernel’s words', () => {
    const error = (() => {
      try {
        netlink.setLink(indexOf('eth0'), { mtu: 1_000_000 });
        return undefined;
      } catch (thrown) {
        return thrown as NetlinkError;
      }
    })();
    expect(error).to.be.instanceOf(NetlinkError);
    expect(error?.errnoName).to.equal('EINVAL');
    expect(error?.kernelMessage).to.equal('mtu greater than device maximum');
    expect(error?.request).to.contain('1000000');
    // The socket is good for the next request.
    expect(netlink.links()).to.have.length(2);
  });

  describe('events', () => {
    let events: NetlinkEvents;

    beforeEach(() => {
      events = a.inside(() => new NetlinkEvents(netlink));
      events.drain();
    });

    afterEach(() => events[Symbol.dispose]());

    it('are there after a change and gone once read', () => {
      expect(events.drain()).to.equal(false);
      a.ip('link set eth0 down');
      expect(events.drain()).to.equal(true);
      settle();
      expect(events.drain()).to.equal(false);
    });

    for (const change of [
      'link set eth0 mtu 1400',
      'addr add 10.66.0.77/24 dev eth0',
      'addr add fd66::77/64 dev eth0 nodad',
      'route add 192.0.2.0/24 dev eth0',
      '-6 route add fd99::/64 dev eth0',
      'rule add priority 100 lookup 7',
      '-6 rule add priority 100 lookup 7',
      'link add bridge0 type bridge',
    ]) {
      it(`are seen for: ip ${change}`, () => {
        settle();
        a.ip(change);
        expect(events.drain()).to.equal(true);
      });
    }

    it('are seen when the far end of the link goes', () => {
      settle();
      b.ip('link set eth0 down');
      const deadline = Date.now() + 5000;
      while (!events.drain()) expect(Date.now()).to.be.lessThan(deadline);
      expect(netlink.links().find((link) => link.name === 'eth0')).to.include({ up: true, carrier: false });
    });

    it('are not seen for routes and rules that were changed through the same program’s netlink', () => {
      settle();
      const route = { destination: 'fd66::9', prefix: 128, table: 7, interfaceIndex: indexOf('eth0'), protocol: 67 };
      for (const destination of ['10.66.0.9', 'fd66::9']) {
        const prefix = destination.includes(':') ? 128 : 32;
        netlink.addRoute({ ...route, destination, prefix });
        netlink.deleteRoute({ ...route, destination, prefix });
      }
      for (const family of ['ipv4', 'ipv6'] as const) {
        const rule = { family, priority: 100, mark: 5, invert: true, table: 7, protocol: 67 };
        netlink.addRule(rule);
        netlink.deleteRule(rule);
      }
      expect(events.drain()).to.equal(false);
    });

    it('count as a change when there were too many to be kept', () => {
      settle();
      const route = { destination: '10.66.0.9', prefix: 32, table: 7, interfaceIndex: indexOf('eth0'), protocol: 67 };
      // All of these are ours, so that only the loss can report a change.
      for (let i = 0; i < 4000; i++) {
        netlink.addRoute(route);
        netlink.deleteRoute(route);
      }
      expect(events.drain()).to.equal(true);
      expect(events.drain()).to.equal(false);
    });

    /** Reads until the kernel has nothing more to say of what was done before: a change of ours is answered after it. */
    function settle(): void {
      const deadline = Date.now() + 5000;
      for (let quiet = 0; quiet < 50; quiet++) {
        if (events.drain()) quiet = 0;
        netlink.links();
        expect(Date.now()).to.be.lessThan(deadline);
      }
    }
  });
});
