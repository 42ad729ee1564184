import type { Link } from './link.js';
import { parseIp } from './packet.js';

export type Receive = (packet: Uint8Array) => void;

/** Which links lie between two addresses, and who has an address. Networks behind NATs are apart, and their addresses are their own. */
export class Network {
  /** Sees every packet that leaves a host, before the links do. */
  readonly taps: Receive[] = [];
  /** Packets between addresses without a path: they vanish. */
  unrouted = 0;

  private readonly chains = new Map<string, readonly Link[]>();
  private readonly owners = new Map<string, Receive>();
  private readonly gateways = new Map<string, { chain: readonly Link[]; receive: Receive }>();

  attach(address: string, receive: Receive): void {
    this.owners.set(address, receive);
  }

  /** Packets from one address to the other pass these links in order. */
  connect(from: string, to: string, chain: readonly Link[]): void {
    this.chains.set(`${from} ${to}`, chain);
  }

  /** Packets from an address to where nothing is connected go to a router. */
  defaultRoute(from: string, chain: readonly Link[], receive: Receive): void {
    this.gateways.set(from, { chain, receive });
  }

  chain(from: string, to: string): readonly Link[] | undefined {
    return this.chains.get(`${from} ${to}`);
  }

  send(packet: Uint8Array): void {
    for (const tap of this.taps) tap(packet);
    const { source, destination } = parseIp(packet);
    const chain = this.chains.get(`${source} ${destination}`);
    const receive = this.owners.get(destination);
    const gateway = this.gateways.get(source);
    if (chain !== undefined && receive !== undefined) pass(packet, chain, 0, receive);
    else if (gateway !== undefined) pass(packet, gateway.chain, 0, gateway.receive);
    else this.unrouted++;
  }

  /** A router hands a packet to the owner of its destination. */
  deliver(packet: Uint8Array, chain: readonly Link[]): void {
    const receive = this.owners.get(parseIp(packet).destination);
    if (receive === undefined) this.unrouted++;
    else pass(packet, chain, 0, receive);
  }
}

function pass(packet: Uint8Array, chain: readonly Link[], at: number, receive: Receive): void {
  const link = chain[at];
  if (link === undefined) receive(packet);
  else link.send(packet, (arrived) => pass(arrived, chain, at + 1, receive));
}
