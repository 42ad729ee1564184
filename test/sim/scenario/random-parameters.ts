import type { PacketMatch, PathSelector, RoutingRule } from '../../../src/core/routing/rules.js';
import type { LinkParameters } from '../world/link.js';
import type { LossModel } from '../world/loss.js';
import { Random } from '../world/random.js';
import type { PathParameters, SideParameters, TwoHostsParameters } from './two-hosts.js';

/** Of `clean` links nothing is lost, doubled or reordered within a path, and no queue overflows. */
export type Kind = 'clean' | 'rough';

export interface RandomParameters extends TwoHostsParameters {
  readonly kind: Kind;
  readonly datagrams: number;
  readonly upload: number;
  readonly download: number;
  readonly timestamps: boolean;
  /** TCP receive window, bytes. */
  readonly window: number;
  /** us from datagram to datagram. */
  readonly interval: number;
}

/** Everything that a seed stands for. */
export function randomParameters(seed: number): RandomParameters {
  const random = new Random(seed).fork('parameters');
  const kind: Kind = seed % 4 === 0 ? 'clean' : 'rough';
  const families = random.pick([
    [4, 4],
    [4, 4],
    [6, 6],
    [4, 6],
    [6, 4],
    [4, 4, 4],
  ] as const);
  const paths = families.map((family) => path(random, kind, family));
  const secret = random.chance(0.3) ? random.bytes(16) : new Uint8Array(0);
  const rules = randomRules(new Random(seed).fork('rules'));
  const config = {
    rules,
    secret,
    authentication: random.chance(0.8),
    scheduler: random.chance(0.75) ? 'earliest' : 'paper',
  } as const;
  const slowest = Math.min(...paths.map(({ forward }) => forward.rate ?? 0));
  return {
    seed,
    kind,
    paths,
    cross: random.chance(0.4),
    a: { ...side(random), config },
    b: { ...side(random), config },
    datagrams: random.integer(200, 350),
    upload: random.integer(60_000, 250_000),
    download: random.chance(0.3) ? random.integer(1, 100_000) : 0,
    timestamps: random.chance(0.8),
    window: 64 << 10,
    // A third of the slowest path, for datagrams of 600 bytes on average.
    interval: Math.max(500, (600 * 8e6) / (slowest / 3)),
  };
}

/** None for half of the seeds. */
function randomRules(random: Random): RoutingRule[] {
  if (random.chance(0.5)) return [];
  const rule = (i: number): RoutingRule => {
    const mode = random.pick(['all-paths', 'selected-paths', 'single-path', 'protected-path'] as const);
    const select = random.pick<PathSelector>([
      {},
      { interfaces: [random.pick(['eth0', 'eth1', 'eth9'])] },
      { rttBelow: random.scaled(2_000, 90_000) },
      { lossBelow: random.between(0.001, 0.03) },
    ]);
    const match = random.pick<PacketMatch>([
      {},
      { protocol: 6, pureAck: random.chance(0.5) },
      { length: { from: 0, to: random.integer(60, 1000) } },
      { destinationPort: { from: 6000, to: 6000 } },
    ]);
    return { name: `rule ${i}`, match, mode, select: mode === 'all-paths' ? {} : select, copies: 2 };
  };
  return Array.from({ length: random.integer(1, 3) }, (_, i) => rule(i));
}

function path(random: Random, kind: Kind, family: 4 | 6): PathParameters {
  const rate = random.scaled(6e6, 60e6);
  const delay = random.scaled(500, 40_000);
  return {
    family,
    forward: link(random, kind, rate, delay),
    backward: link(random, kind, rate, delay * random.between(0.8, 1.3)),
  };
}

function link(random: Random, kind: Kind, rate: number, delay: number): Partial<LinkParameters> {
  if (kind === 'clean') return { rate, delay, jitter: random.chance(0.5) ? random.scaled(100, 5_000) : 0 };
  return {
    rate,
    delay,
    jitter: random.chance(0.7) ? random.scaled(100, 10_000) : 0,
    reorder: random.chance(0.5),
    loss: loss(random),
    duplicate: random.chance(0.3) ? random.between(0, 0.02) : 0,
    corrupt: random.chance(0.3) ? random.between(0, 0.005) : 0,
    queueBytes: random.integer(40_000, 300_000),
  };
}

function loss(random: Random): LossModel {
  if (random.chance(0.2)) return { kind: 'random', probability: 0 };
  const share = random.between(0, 0.05);
  return random.chance(0.6)
    ? { kind: 'random', probability: share }
    : { kind: 'burst', mean: share, length: random.between(2, 8) };
}

function side(random: Random): SideParameters {
  // Clocks that pass 2^32 us, the CM's time stamp, in the middle of a run, and any others.
  const clockOffset = random.chance(0.5)
    ? 2 ** 32 * random.integer(1, 5) - random.integer(0, 4e6)
    : random.integer(0, 2 ** 45);
  return {
    host: { clockOffset, clockDrift: random.between(-50, 50), oversize: random.pick(['drop', 'to-node'] as const) },
    mpipd: {
      gro: random.chance(0.8),
      udpSegmentation: random.chance(0.8),
      wakeDelay: random.chance(0.5) ? random.scaled(20, 1_000) : 0,
    },
  };
}
