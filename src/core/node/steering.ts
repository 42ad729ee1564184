/** The peers' addresses whose packets come through here. */
import { isIpv6 } from '../address.js';
import type { Address } from '../io.js';
import { LEAST_MTU } from '../mtu/path-mtu.js';
import type { Peer } from '../tables/peers.js';
import * as ipv4 from '../wire/ipv4.js';
import * as ipv6 from '../wire/ipv6.js';
import type { NodeContext } from './context.js';
import { addressText } from './handshake.js';
import { trailerBytes } from './seal.js';

export class Steering {
  constructor(private readonly context: NodeContext) {}

  /** Addresses that the peer does not have any more are steered for as long as sessions use them. */
  releaseUnused(peer: Peer, now: number): void {
    if (now < peer.bindingExpectedUntil) return;
    const used = new Set<Address>();
    for (const sessions of [peer.ownSessions, peer.peerSessions]) {
      for (const session of sessions.values()) used.add(addressText(session.destination));
    }
    for (const address of [...peer.steered.keys()]) {
      const named =
        peer.addresses.some((endpoint) => endpoint.address === address) ||
        peer.outside.some((endpoint) => endpoint.address === address);
      if (!used.has(address) && !named) this.unsteer(peer, address);
    }
  }

  /** Packets to the address come here from now on: sessions of the peer may have it. */
  steerTo(peer: Peer, address: Address): void {
    if (peer.steered.has(address)) return;
    peer.steered.set(address, 0);
    this.resize(peer);
  }

  /** Tells the kernel how long packets to the peer's addresses may be, where that has changed. */
  resize(peer: Peer): void {
    if (peer.usable.length === 0) return;
    for (const [address, before] of peer.steered) {
      const mtu = this.steeredMtu(peer, address);
      if (mtu === before) continue;
      peer.steered.set(address, mtu);
      this.context.steered.set(address, peer, mtu);
    }
  }

  /** Nothing of the peer is steered any more. */
  end(peer: Peer): void {
    for (const address of [...peer.steered.keys()]) this.unsteer(peer, address);
  }

  private unsteer(peer: Peer, address: Address): void {
    peer.validated.delete(address);
    peer.steered.delete(address);
    this.context.steered.delete(address, peer);
  }

  /** Longest IP packet to `destination` that fits the paths to the peer once it is wrapped, bytes. IPv6 takes no less than its least. */
  private steeredMtu(peer: Peer, destination: Address): number {
    const room = peer.limit - trailerBytes(peer.authenticated);
    return isIpv6(destination) ? Math.max(LEAST_MTU.ipv6, room + ipv6.HEADER_BYTES) : room + ipv4.HEADER_BYTES;
  }
}
