import type { LocalAddress } from '../../core/io.js';
import type { InterfaceAddress } from '../../host/netlink/interface-address.js';
import type { Link } from '../../host/netlink/link.js';
import type { InterfaceFilter } from '../config.js';
import { isIncluded } from './interface-filter.js';

/**
 * Chooses the addresses that paths start from: global ones that sockets can bind to, of interfaces that are up with carrier, apart from
 * loopback, the TUN device and what the configuration leaves out. An address keeps its number for as long as it is there.
 */
export class LocalAddressBook {
  private numbers = new Map<string, number>();
  private lastNumber = 0;

  constructor(
    private readonly filter: InterfaceFilter,
    private readonly tunIndex: number,
  ) {}

  update(links: readonly Link[], addresses: readonly InterfaceAddress[]): LocalAddress[] {
    const usable = new Map(links.filter((link) => this.isPathInterface(link)).map((link) => [link.index, link]));
    const numbers = new Map<string, number>();
    const locals = addresses.flatMap((address): LocalAddress[] => {
      const link = usable.get(address.interfaceIndex);
      if (link === undefined || !isPathAddress(address)) return [];
      const key = `${link.index} ${link.name} ${address.address}`;
      const id = this.numbers.get(key) ?? ++this.lastNumber;
      numbers.set(key, id);
      return [{ id, address: address.address, interface: link.name, interfaceIndex: link.index, mtu: link.mtu }];
    });
    this.numbers = numbers;
    return locals;
  }

  private isPathInterface(link: Link): boolean {
    return (
      link.up && link.carrier && !link.loopback && link.index !== this.tunIndex && isIncluded(this.filter, link.name)
    );
  }
}

function isPathAddress(address: InterfaceAddress): boolean {
  return address.scope === 'global' && !address.tentative && !address.deprecated;
}

export function interfaceNames(locals: readonly LocalAddress[]): string[] {
  return [...new Set(locals.map((local) => local.interface))];
}
