import { Clock } from './clock.js';
import { Host, type HostOptions } from './host.js';
import { Link, type LinkParameters } from './link.js';
import { Network } from './network.js';
import { Random } from './random.js';

/** Everything of one simulated run; the same seed gives the same run, bit for bit. */
export class World {
  readonly clock = new Clock();
  readonly network = new Network();
  readonly random: Random;
  readonly links: Link[] = [];

  constructor(readonly seed: number) {
    this.random = new Random(seed);
  }

  host(name: string, options: HostOptions, network = this.network): Host {
    return new Host(name, this.clock, network, this.random.fork(`host ${name}`), options);
  }

  link(name: string, parameters: Partial<LinkParameters> = {}): Link {
    const link = new Link(this.clock, this.random.fork(`link ${name}`), name, parameters);
    this.links.push(link);
    return link;
  }
}
