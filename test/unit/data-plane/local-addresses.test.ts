import { expect } from 'chai';
import { isIncluded } from '../../../src/daemon/data-plane/interface-filter.js';
import { interfaceNames, LocalAddressBook } from '../../../src/daemon/data-plane/local-addresses.js';
import type { InterfaceAddress } from '../../../src/host/netlink/interface-address.js';
import type { Link } from '../../../src/host/netlink/link.js';

const TUN_INDEX = 9;
const ALL = { include: [], exclude: [] };

function link(index: number, name: string, changes: Partial<Link> = {}): Link {
  return { index, name, mtu: 1500, up: true, carrier: true, loopback: false, kind: 'veth', ...changes };
}

function address(interfaceIndex: number, text: string, changes: Partial<InterfaceAddress> = {}): InterfaceAddress {
  return {
    interfaceIndex,
    address: text,
    prefix: 24,
    scope: 'global',
    tentative: false,
    deprecated: false,
    ...changes,
  };
}

describe('local addresses of paths', () => {
  it('are the global addresses of interfaces that work', () => {
    const book = new LocalAddressBook(ALL, TUN_INDEX);
    const links = [
      link(1, 'lo', { loopback: true }),
      link(2, 'eth0', { mtu: 9000 }),
      link(3, 'unplugged', { carrier: false }),
      link(4, 'down', { up: false }),
      link(TUN_INDEX, 'mpip0'),
    ];
    const addresses = [
      address(1, '10.0.0.9'),
      address(2, '10.0.0.1'),
      address(2, 'fe80::1', { scope: 'link' }),
      address(2, 'fd00::1', { tentative: true }),
      address(2, 'fd00::2', { deprecated: true }),
      address(2, 'fd00::3'),
      address(3, '10.0.3.1'),
      address(4, '10.0.4.1'),
      address(7, '10.0.7.1'),
      address(TUN_INDEX, '10.0.9.1'),
    ];
    expect(book.update(links, addresses)).to.deep.equal([
      { id: 1, address: '10.0.0.1', interface: 'eth0', interfaceIndex: 2, mtu: 9000 },
      { id: 2, address: 'fd00::3', interface: 'eth0', interfaceIndex: 2, mtu: 9000 },
    ]);
  });

  it('keep their numbers while they stay, and get new ones when they come again', () => {
    const book = new LocalAddressBook(ALL, TUN_INDEX);
    const links = [link(2, 'eth0'), link(3, 'eth1')];
    const both = [address(2, '10.0.0.1'), address(3, '10.1.0.1')];
    const ids = (...arguments_: Parameters<LocalAddressBook['update']>) =>
      book.update(...arguments_).map(({ id }) => id);
    expect(ids(links, both)).to.deep.equal([1, 2]);
    expect(ids(links, [...both].reverse())).to.deep.equal([2, 1]);
    expect(ids([links[0], { ...links[1], mtu: 1400 }], both)).to.deep.equal([1, 2]);
    expect(ids([links[0], { ...links[1], carrier: false }], both)).to.deep.equal([1]);
    expect(ids(links, both)).to.deep.equal([1, 3]);
  });

  it('get a new number when they move to another interface', () => {
    const book = new LocalAddressBook(ALL, TUN_INDEX);
    const links = [link(2, 'eth0'), link(3, 'eth1')];
    book.update(links, [address(2, '10.0.0.1')]);
    expect(book.update(links, [address(3, '10.0.0.1')])[0].id).to.equal(2);
  });

  it('name each interface once', () => {
    const book = new LocalAddressBook(ALL, TUN_INDEX);
    const locals = book.update([link(2, 'eth0')], [address(2, '10.0.0.1'), address(2, '10.0.0.2')]);
    expect(interfaceNames(locals)).to.deep.equal(['eth0']);
  });
});

describe('interface filter', () => {
  const cases: [include: string[], exclude: string[], name: string, included: boolean][] = [
    [[], [], 'eth0', true],
    [['eth0'], [], 'eth0', true],
    [['eth0'], [], 'eth01', false],
    [['eth*'], [], 'eth12', true],
    [['eth?'], [], 'eth12', false],
    [['eth*'], ['eth1'], 'eth1', false],
    [[], ['docker*', 'br-*'], 'br-1a2b', false],
    [['en.0'], [], 'enx0', false],
    [['a+b[c]'], [], 'a+b[c]', true],
  ];
  for (const [include, exclude, name, included] of cases) {
    it(`include ${JSON.stringify(include)}, exclude ${JSON.stringify(exclude)}: ${name} is ${included ? 'in' : 'out'}`, () => {
      expect(isIncluded({ include, exclude }, name)).to.equal(included);
    });
  }
});
