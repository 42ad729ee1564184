import { DEFAULT_CONFIG, type NodeConfig } from '../../../src/core/config.js';
import { Node } from '../../../src/core/node.js';
import type { NodeStatus } from '../../../src/core/status.js';
import type { Host, HostOptions } from '../world/host.js';
import type { Link, LinkEvent, LinkParameters } from '../world/link.js';
import { Mpipd, type MpipdOptions } from '../world/mpipd.js';
import { Transfer, type TransferOptions } from '../world/transfer.js';
import { UdpFlow } from '../world/udp.js';
import { World } from '../world/world.js';

export interface PathParameters {
  readonly family: 4 | 6;
  readonly forward: Partial<LinkParameters>;
  readonly backward: Partial<LinkParameters>;
}

export interface SideParameters {
  readonly host?: Omit<HostOptions, 'addresses'>;
  readonly mpipd?: MpipdOptions;
  readonly config?: Partial<NodeConfig>;
}

export interface TwoHostsParameters {
  readonly seed: number;
  readonly paths: readonly PathParameters[];
  /** Whether each address also reaches the other host's other addresses, over the links of the client's interface. */
  readonly cross: boolean;
  readonly a?: SideParameters;
  readonly b?: SideParameters;
}

/** One running node and what it says of itself. */
export interface Side {
  readonly host: Host;
  readonly parameters: SideParameters;
  readonly nodeId: Uint8Array;
}

const DROPS: readonly LinkEvent[] = ['lost', 'too-long', 'queue-full', 'down', 'corrupted'];

/** Two hosts, `a` and `b`, with one address each on every path; mpipd starts when told. */
export class TwoHosts {
  readonly world: World;
  readonly a: Side;
  readonly b: Side;
  readonly forward: Link[];
  readonly backward: Link[];
  /** Every packet that a link dropped or damaged. */
  readonly dropped: Uint8Array[] = [];

  constructor(readonly parameters: TwoHostsParameters) {
    this.world = new World(parameters.seed);
    this.a = this.side('a', 1, parameters.a ?? {});
    this.b = this.side('b', 2, parameters.b ?? {});
    this.forward = parameters.paths.map(({ forward }, i) => this.world.link(`forward ${i}`, forward));
    this.backward = parameters.paths.map(({ backward }, i) => this.world.link(`backward ${i}`, backward));
    const { network, links } = this.world;
    parameters.paths.forEach((path, i) => {
      parameters.paths.forEach((other, j) => {
        if (path.family !== other.family || (i !== j && !parameters.cross)) return;
        network.connect(this.address('a', i), this.address('b', j), [this.forward[i]!]);
        network.connect(this.address('b', j), this.address('a', i), [this.backward[i]!]);
      });
    });
    for (const link of links) {
      link.observer = (event, packet) => {
        if (DROPS.includes(event)) this.dropped.push(packet);
      };
    }
  }

  address(name: 'a' | 'b', path = 0): string {
    return addressOf(name === 'a' ? 1 : 2, path, this.parameters.paths[path]!.family);
  }

  start(name: 'a' | 'b', config: Partial<NodeConfig> = {}): Mpipd {
    const { host, parameters, nodeId } = this[name];
    const complete: NodeConfig = { ...DEFAULT_CONFIG, nodeId, ...parameters.config, ...config };
    return new Mpipd(host, (memory, slots, io, now) => new Node(complete, memory, slots, io, now), parameters.mpipd);
  }

  mpipd(name: 'a' | 'b'): Mpipd {
    const { mpipd } = this[name].host;
    if (mpipd === null) throw new Error(`mpipd does not run on ${name}`);
    return mpipd;
  }

  status(name: 'a' | 'b'): NodeStatus {
    return this.mpipd(name).node.status(this[name].host.now());
  }

  udp(direction: 'forward' | 'backward', port = 5000, seed = port): UdpFlow {
    const [near, far] = [
      { address: this.address('a'), port },
      { address: this.address('b'), port: 6000 },
    ];
    const shared = { seed: this.parameters.seed * 64 + seed };
    return direction === 'forward'
      ? new UdpFlow({ ...shared, sender: this.a.host, receiver: this.b.host, from: near, to: far })
      : new UdpFlow({
          ...shared,
          sender: this.b.host,
          receiver: this.a.host,
          from: far,
          to: near,
          seed: shared.seed + 1,
        });
  }

  tcp(
    options: Pick<TransferOptions, 'upload' | 'download' | 'window' | 'timestamps'>,
    port = 40_000,
    listen = 80,
  ): Transfer {
    return new Transfer({
      ...options,
      client: this.a.host,
      server: this.b.host,
      from: { address: this.address('a'), port },
      to: { address: this.address('b'), port: listen },
      seed: this.parameters.seed + port,
    });
  }

  /** Numbers of a flow's datagrams that were in packets which the network dropped. */
  droppedNumbers(flow: UdpFlow): Set<number> {
    return new Set(this.dropped.map((packet) => flow.numberIn(packet)).filter((number) => number !== null));
  }

  /** Packets that reached no application, as text; empty when there are none. */
  strays(): string[] {
    return [this.a, this.b].flatMap(({ host }) => {
      const { strayTun, strayNative } = host.counters;
      return strayTun + strayNative === 0 ? [] : [`${host.name}: ${strayTun} stray through TUN, ${strayNative} native`];
    });
  }

  private side(name: 'a' | 'b', number: number, parameters: SideParameters): Side {
    const addresses = this.parameters.paths.map(({ family }, i) => addressOf(number, i, family));
    const host = this.world.host(name, { ...parameters.host, addresses });
    return { host, parameters, nodeId: this.world.random.fork(`node id ${name}`).bytes(8) };
  }
}

function addressOf(side: number, path: number, family: 4 | 6): string {
  return family === 4 ? `10.${path + 1}.0.${side}` : `fd00:${path + 1}::${side}`;
}
