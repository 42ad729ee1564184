/** Two hosts with several interfaces each and a network between them that connects all of them: each pair of interfaces is a path. */
import { DEFAULT_CONFIG, type NodeConfig } from '../../../src/core/config.js';
import { Node } from '../../../src/core/node.js';
import type { NodeStatus, PathStatus } from '../../../src/core/status.js';
import { BulkTcp } from '../world/bulk-tcp.js';
import type { Host } from '../world/host.js';
import type { Link, LinkParameters } from '../world/link.js';
import { Mpipd } from '../world/mpipd.js';
import { pace, UdpFlow } from '../world/udp.js';
import { World } from '../world/world.js';

type Ends = 'a' | 'b';

export interface SharedNicsParameters {
  readonly seed?: number;
  /** What each interface carries, both ways. */
  readonly a: readonly Partial<LinkParameters>[];
  readonly b: readonly Partial<LinkParameters>[];
  /** What lies between two interfaces, both ways. Default: nothing in the way. */
  readonly between?: (a: number, b: number) => Partial<LinkParameters>;
  /** Whether two interfaces reach each other. Default: all do. */
  readonly connected?: (a: number, b: number) => boolean;
  /** Whether interfaces have an IPv6 address besides the IPv4 one. */
  readonly dual?: boolean;
}

interface Nic {
  readonly up: Link;
  readonly down: Link;
}

/** Rate in Mbit/s and one-way delay in ms; a queue of 50 ms and ten packets at least, as in the lab. */
export function shaped(rate: number, delay = 0): Partial<LinkParameters> {
  return { rate: rate * 1e6, delay: delay * 1e3, jitter: 100, queueBytes: Math.max(15_000, rate * 6_250) };
}

export class SharedNics {
  readonly world: World;
  readonly hosts: Record<Ends, Host>;
  readonly nics: Record<Ends, Nic[]>;
  private ports = 5000;
  private pairs = 0;

  constructor(private readonly parameters: SharedNicsParameters) {
    const { seed = 1, between = () => ({}), connected = () => true } = parameters;
    this.world = new World(seed);
    this.hosts = { a: this.host('a'), b: this.host('b') };
    this.nics = { a: this.links('a'), b: this.links('b') };
    const { network } = this.world;
    this.nics.a.forEach((a, i) => {
      this.nics.b.forEach((b, j) => {
        if (!connected(i, j)) return;
        this.pairs++;
        const there = this.world.link(`a${i} to b${j}`, between(i, j));
        const back = this.world.link(`b${j} to a${i}`, between(i, j));
        for (const family of this.families) {
          const [from, to] = [this.address('a', i, family), this.address('b', j, family)];
          network.connect(from, to, [a.up, there, b.down]);
          network.connect(to, from, [b.up, back, a.down]);
        }
      });
    });
  }

  get clock() {
    return this.world.clock;
  }

  address(name: Ends, nic = 0, family: 4 | 6 = 4): string {
    const side = name === 'a' ? 1 : 2;
    return family === 4 ? `10.${side}.${nic}.1` : `fd00:${side}:${nic + 1}::1`;
  }

  start(name: Ends, config: Partial<NodeConfig> = {}): Mpipd {
    const nodeId = this.world.random.fork(`node id ${name}`).bytes(8);
    const complete: NodeConfig = { ...DEFAULT_CONFIG, nodeId, ...config };
    return new Mpipd(this.hosts[name], (memory, slots, io, now) => new Node(complete, memory, slots, io, now), {
      gro: true,
    });
  }

  /** mpipd at both ends, and all paths live. */
  up(config: Partial<NodeConfig> = {}): this {
    this.start('a', { ...config, peers: [this.address('b')] });
    this.start('b', config);
    this.pass(1e6);
    const expected = this.pairs * this.families.length;
    for (const name of ['a', 'b'] as const) {
      const live = this.paths(name).filter(({ state }) => state === 'live').length;
      if (live !== expected) throw new Error(`${name} has ${live} live paths, not ${expected}`);
    }
    return this;
  }

  pass(us: number): void {
    this.clock.runUntil(this.clock.now + us);
  }

  status(name: Ends): NodeStatus {
    const { mpipd } = this.hosts[name];
    if (mpipd === null) throw new Error(`mpipd does not run on ${name}`);
    return mpipd.node.status(this.hosts[name].now());
  }

  paths(name: Ends): PathStatus[] {
    return this.status(name).paths;
  }

  /** One TCP flow (CUBIC, SACK) without end from a to b. */
  tcp(): BulkTcp {
    const port = this.ports++;
    return new BulkTcp({
      sender: this.hosts.a,
      receiver: this.hosts.b,
      from: { address: this.address('a'), port },
      to: { address: this.address('b'), port },
    });
  }

  /** Datagrams of `bytes` payload from a to b, one each `interval` us, for as long as the world goes. */
  udp(bytes: number, interval: number): UdpFlow {
    const port = this.ports++;
    const flow = new UdpFlow({
      sender: this.hosts.a,
      receiver: this.hosts.b,
      from: { address: this.address('a'), port },
      to: { address: this.address('b'), port },
      seed: port,
    });
    pace(flow, { interval, bytes: () => bytes }, () => false);
    return flow;
  }

  private get families(): readonly (4 | 6)[] {
    return this.parameters.dual ? [4, 6] : [4];
  }

  private host(name: Ends): Host {
    const nics = this.parameters[name].map((_, i) => i);
    const addresses = this.families.flatMap((family) => nics.map((nic) => this.address(name, nic, family)));
    return this.world.host(name, { addresses, interfaces: this.families.flatMap(() => nics) });
  }

  private links(name: Ends): Nic[] {
    return this.parameters[name].map((nic, i) => ({
      up: this.world.link(`${name}${i} up`, nic),
      down: this.world.link(`${name}${i} down`, nic),
    }));
  }
}
