/** Hosts behind NATs, and those with public addresses, that meet over the Internet. */
import { DEFAULT_CONFIG, type NodeConfig } from '../../../src/core/config.js';
import { Node } from '../../../src/core/node.js';
import type { NodeStatus } from '../../../src/core/status.js';
import type { Host } from '../world/host.js';
import type { Link, LinkParameters } from '../world/link.js';
import { Mpipd } from '../world/mpipd.js';
import { Nat, type NatOptions } from '../world/nat.js';
import { Network } from '../world/network.js';
import type { Endpoint } from '../world/packet.js';
import { Transfer } from '../world/transfer.js';
import { pace, UdpFlow } from '../world/udp.js';
import { World } from '../world/world.js';

export const SERVER = '203.0.113.10';
const LINK: Partial<LinkParameters> = { rate: 20e6, delay: 10_000, queueBytes: 300_000 };

/** One interface of a host. */
export interface Access {
  readonly address: string;
  /** Without one the address is public. */
  readonly nat?: Nat;
  readonly link?: Partial<LinkParameters>;
}

/** The links of an interface. */
export interface Line {
  readonly up: Link;
  readonly down: Link;
}

export class Internet {
  readonly world: World;
  /** By host and interface. */
  readonly lines = new Map<Host, Line[]>();
  private readonly nodeIds = new Map<Host, Uint8Array>();
  /** Public addresses: every pair of them is connected. */
  private readonly addresses = new Map<string, { up: readonly Link[]; down: readonly Link[] }>();
  private ports = 40_000;

  constructor(readonly seed: number) {
    this.world = new World(seed);
  }

  get clock() {
    return this.world.clock;
  }

  nat(address: string, options: NatOptions): Nat {
    const nat = new Nat(this.clock, this.world.network, address, options);
    this.publish(address, { up: [], down: [] });
    return nat;
  }

  host(name: string, accesses: readonly Access[], icmp = true): Host {
    const addresses = accesses.map(({ address }) => address);
    const network = accesses.some(({ nat }) => nat !== undefined) ? new Network() : this.world.network;
    const host = this.world.host(name, { addresses, icmp }, network);
    const lines = accesses.map(({ address, nat, link }) => {
      const [up, down] = ['up', 'down'].map((way) =>
        this.world.link(`${name} ${address} ${way}`, { ...LINK, ...link }),
      );
      const line: Line = { up: up!, down: down! };
      if (nat === undefined) this.publish(address, { up: [line.up], down: [line.down] });
      else nat.attach(address, network, line.up, line.down);
      return line;
    });
    this.lines.set(host, lines);
    this.nodeIds.set(host, this.world.random.fork(`node id ${name}`).bytes(8));
    return host;
  }

  start(host: Host, config: Partial<NodeConfig> = {}): Mpipd {
    const complete: NodeConfig = { ...DEFAULT_CONFIG, nodeId: this.nodeIds.get(host)!, ...config };
    return new Mpipd(host, (memory, slots, io, now) => new Node(complete, memory, slots, io, now), { gro: true });
  }

  status(host: Host): NodeStatus {
    if (host.mpipd === null) throw new Error(`mpipd does not run on ${host.name}`);
    return host.mpipd.node.status(host.now());
  }

  livePaths(host: Host): number {
    return this.status(host).paths.filter(({ state }) => state === 'live').length;
  }

  tcp(client: Host, server: Host, to: Endpoint, options: TcpOptions): Transfer {
    const from = { address: options.from ?? client.addresses[0]!, port: this.ports++ };
    return new Transfer({ ...options, client, server, from, to, seed: this.seed + from.port });
  }

  private publish(address: string, own: { up: readonly Link[]; down: readonly Link[] }): void {
    for (const [other, { up, down }] of this.addresses) {
      this.world.network.connect(address, other, [...own.up, ...down]);
      this.world.network.connect(other, address, [...up, ...own.down]);
    }
    this.addresses.set(address, own);
  }
}

interface TcpOptions {
  readonly upload: number;
  readonly download: number;
  readonly from?: string;
  readonly listen?: Endpoint;
}

export interface ConversationOptions {
  readonly client: Host;
  readonly server: Host;
  readonly to: Endpoint;
  /** Where the server gets what is sent there, if a NAT forwards to another address. */
  readonly listen?: Endpoint;
  readonly from?: string;
  readonly port?: number;
  /** us between two datagrams of a direction; Infinity: it sends one at most. */
  readonly up?: number;
  readonly down?: number;
  readonly bytes?: number;
  readonly seed?: number;
}

/** Datagrams of a client to a server that sends to where the last one came from. */
export class Conversation {
  readonly up: UdpFlow;
  readonly down: UdpFlow;
  private stopped = false;

  constructor(private readonly options: ConversationOptions) {
    const { client, server, to, listen = to, from = client.addresses[0]!, port = 5000, seed = port } = options;
    const local = { address: from, port };
    this.up = new UdpFlow({ sender: client, receiver: server, from: local, to, at: listen, seenAs: null, seed });
    const back = { sender: server, receiver: client, from: listen, at: local, seenAs: to };
    this.down = new UdpFlow({ ...back, to: local, seed: seed + 1 });
    const { up: upInterval = 10_000, down: downInterval = 10_000, bytes = 300 } = options;
    this.run(this.up, upInterval, bytes);
    const { clock } = server;
    const answer = (): void => {
      if (this.up.source === null) clock.after(1_000, answer);
      else this.run(this.down, downInterval, bytes);
    };
    answer();
  }

  /** Both directions come through MPIP, for as long as what came since `time` tells; of one that is silent nothing is asked. */
  isMpip(since = 0): boolean {
    const flows = [this.options.up === Infinity ? null : this.up, this.options.down === Infinity ? null : this.down];
    return flows.every((flow) => {
      const last = flow?.arrivals.at(-1);
      return flow === null || (last !== undefined && last.time > since && last.via === 'tun');
    });
  }

  stop(): void {
    this.stopped = true;
    const { clock } = this.options.server;
    clock.runUntil(clock.now + 1e6);
  }

  /** What should not have happened to any datagram, as text. */
  faults(): string[] {
    return [this.up, this.down].flatMap((flow) => {
      const found: string[] = [];
      if (flow.foreign > 0) found.push(`${flow.foreign} foreign`);
      if (flow.duplicates().length > 0) found.push(`twice: ${flow.duplicates()}`);
      return found;
    });
  }

  private run(flow: UdpFlow, interval: number, bytes: number): void {
    const next = (): number => {
      if (flow === this.down) flow.to = this.up.source!;
      return bytes;
    };
    if (interval === Infinity) flow.send(next());
    else pace(flow, { interval, bytes: next }, () => this.stopped);
  }
}
