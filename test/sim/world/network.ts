import type { Link } from './link.js';
import { parseIp } from './packet.js';

/** Which links lie between two addresses, and who has an address. */
export class Network {
  /** Sees every packet that leaves a host, before the links do. */
  readonly taps: ((packet: Uint8Array) => void)[] = [];
  /** Packets between addresses without a path: they vanish. */
  unrouted = 0;

  private readonly chains = new Map<string, readonly Link[]>();
  private readonly owners = new Map<string, (packet: Uint8Array) => void>();

  attach(address: string, receive: (packet: Uint8Array) => void): void {
    this.owners.set(address, receive);
  }

  /** Packets from one address to the other pass these links in order. */
  connect(from: string, to: string, chain: readonly Link[]): void {
    this.chains.set(`${from} ${to}`, chain);
  }

  chain(from: string, to: string): readonly Link[] | undefined {
    return this.chains.get(`${from} ${to}`);
  }

  send(packet: Uint8Array): void {
    for (const tap of this.taps) tap(packet);
    const { source, destination } = parseIp(packet);
    const chain = this.chains.get(`${source} ${destination}`);
    const receive = this.owners.get(destination);
    if (chain === undefined || receive === undefined) {
      this.unrouted++;
      return;
    }
    pass(packet, chain, 0, receive);
  }
}

function pass(packet: Uint8Array, chain: readonly Link[], at: number, receive: (packet: Uint8Array) => void): void {
  const link = chain[at];
  if (link === undefined) receive(packet);
  else link.send(packet, (arrived) => pass(arrived, chain, at + 1, receive));
}
