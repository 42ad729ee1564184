import type { Address, NodeIo } from '../io.js';
import type { Peer } from './peers.js';

/**
 * Which addresses the kernel sends into the TUN device, and for which peers: nodes behind one NAT share its address. A shared one is cut for
 * the smallest of their MTUs.
 */
export class SteeredAddresses {
  private readonly entries = new Map<Address, Map<Peer, number>>();

  constructor(private readonly io: Pick<NodeIo, 'steer' | 'unsteer'>) {}

  /** The peers that packets to the address may belong to. */
  peersAt(address: Address): readonly Peer[] {
    const mtus = this.entries.get(address);
    return mtus === undefined ? [] : [...mtus.keys()];
  }

  /** `mtu`: bytes of IP packet that the peer's paths carry. */
  set(address: Address, peer: Peer, mtu: number): void {
    const mtus = this.entries.get(address) ?? new Map<Peer, number>();
    const before = smallest(mtus);
    mtus.set(peer, mtu);
    this.entries.set(address, mtus);
    this.apply(address, mtus, before);
  }

  delete(address: Address, peer: Peer): void {
    const mtus = this.entries.get(address);
    if (mtus === undefined) return;
    const before = smallest(mtus);
    if (!mtus.delete(peer)) return;
    if (mtus.size > 0) {
      this.apply(address, mtus, before);
      return;
    }
    this.entries.delete(address);
    this.io.unsteer(address);
  }

  private apply(address: Address, mtus: ReadonlyMap<Peer, number>, before: number): void {
    const mtu = smallest(mtus);
    if (mtu !== before) this.io.steer(address, mtu);
  }
}

function smallest(mtus: ReadonlyMap<Peer, number>): number {
  return Math.min(...mtus.values());
}
