import type { Address } from '../../core/io.js';
import { NetlinkError } from '../../host/netlink/error.js';
import type { Netlink } from '../../host/netlink/netlink.js';

type LogWarning = (event: string, fields: Record<string, unknown>) => void;

/**
 * Addresses that sessions use and whose interface is down or gone: the TUN device holds them meanwhile, so that the kernel goes on
 * taking their packets in. They vanish with the device.
 */
export class PinnedAddresses {
  private readonly pinned = new Set<Address>();

  constructor(
    private readonly netlink: Netlink,
    private readonly tunIndex: number,
    private readonly warn: LogWarning,
  ) {}

  pin(address: Address): void {
    if (this.pinned.has(address)) return;
    this.change('pinned', address, () => this.netlink.addAddress(this.tunIndex, address));
    this.pinned.add(address);
  }

  unpin(address: Address): void {
    if (!this.pinned.delete(address)) return;
    this.change('unpinned', address, () => this.netlink.deleteAddress(this.tunIndex, address));
  }

  private change(what: string, address: Address, action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      this.warn(`address could not be ${what}`, { address, code: error.code, reason: error.message });
    }
  }
}
