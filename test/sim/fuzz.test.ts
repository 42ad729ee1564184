import { expect } from 'chai';
import { seeds } from './scenario/seeds.js';
import { TwoHosts } from './scenario/two-hosts.js';
import { type Endpoint, parseIp, parseUdp, UDP } from './world/packet.js';
import { Random } from './world/random.js';
import { pace } from './world/udp.js';

interface Captured {
  readonly time: number;
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly payload: Uint8Array;
}

const CM_BYTES = 25;
const TAG_BYTES = 8;

/** Two nodes over clean links, and everything that they say to each other. */
function overheard(seed: number, authentication: boolean): { hosts: TwoHosts; captured: Captured[] } {
  const paths = [4, 6].map((delay) => {
    const link = { rate: 50e6, delay: delay * 1_000 };
    return { family: 4 as const, forward: link, backward: link };
  });
  const config = { authentication };
  const hosts = new TwoHosts({
    seed,
    cross: true,
    paths,
    a: { config, mpipd: { gro: true } },
    b: { config, mpipd: { gro: true } },
  });
  const captured: Captured[] = [];
  for (const name of ['a', 'b'] as const) {
    hosts.start(name).udp.tap = (local, remote, payload) => {
      // What goes to an endpoint that was made up is not to be brought to the node: that would be a relay, and so a path.
      if (remote.port !== 6747 || !isKnown(hosts, remote.address)) return;
      captured.push({
        time: hosts.world.clock.now,
        from: { address: local, port: 6747 },
        to: remote,
        payload: payload.slice(),
      });
    };
  }
  return { hosts, captured };
}

function isKnown({ a, b }: TwoHosts, address: string): boolean {
  return a.host.isLocal(address) || b.host.isLocal(address);
}

/** Never genuine: length, CM, tag or transport header are not what the tag was made for. */
function breakSeal(random: Random, { payload }: Captured): Uint8Array {
  const copy = payload.slice();
  switch (random.integer(0, 5)) {
    case 0:
      return random.bytes(random.integer(0, 200));
    case 1:
      return copy.subarray(0, random.integer(0, copy.length - 1));
    case 2:
      return Uint8Array.of(...copy, ...random.bytes(random.integer(1, 40)));
    case 3:
      return Uint8Array.of(...random.bytes(random.integer(1, 40)), ...copy);
    case 4:
      for (let i = 1; i <= CM_BYTES + TAG_BYTES && i <= copy.length; i++) copy[copy.length - i] = random.bits() & 255;
      return copy;
    default:
      copy[copy.length - random.integer(1, CM_BYTES + TAG_BYTES)]! ^= 1 << random.integer(0, 7);
      return copy;
  }
}

/**
 * Anything at all. The tag covers CM, transport header and length, not the payload (as in the design: TCP and UDP checksums do not protect
 * it from who can see it, either), so of what is still under way a copy with other payload may pass for the original.
 */
function mutate(random: Random, chosen: Captured, other: Captured): Uint8Array {
  const copy = chosen.payload.slice();
  switch (random.integer(0, 3)) {
    case 0: {
      // A foreign body before a genuine CM and tag.
      const keep = Math.min(copy.length, CM_BYTES + TAG_BYTES);
      const body = other.payload.subarray(0, Math.max(0, other.payload.length - keep));
      return Uint8Array.of(...body, ...copy.subarray(copy.length - keep));
    }
    case 1:
      for (let i = 0; i < 4; i++) copy[random.integer(0, copy.length - 1)] = random.bits() & 255;
      return copy;
    case 2:
      copy[random.integer(0, copy.length - 1)]! ^= 1 << random.integer(0, 7);
      return copy;
    default:
      return breakSeal(random, chosen);
  }
}

/** Long enough ago to have arrived, us. */
const ARRIVED = 100_000;

function pickOld(hosts: TwoHosts, captured: readonly Captured[], random: Random): Captured {
  const count = captured.findIndex(({ time }) => time > hosts.world.clock.now - ARRIVED);
  return captured[random.integer(0, Math.max(0, (count < 0 ? captured.length : count) - 1))]!;
}

function inject(hosts: TwoHosts, to: Endpoint, source: Endpoint, payload: Uint8Array): void {
  const name = hosts.a.host.isLocal(to.address) ? 'a' : 'b';
  hosts.mpipd(name).datagramArrived({ source, destination: to, payload });
}

/** Runs UDP both ways and TCP while `attack` is called every 500 us once sessions are MPIP; returns what went wrong. */
function under(
  seed: number,
  authentication: boolean,
  attack: (hosts: TwoHosts, captured: readonly Captured[], random: Random) => void,
): { hosts: TwoHosts; problems: string[] } {
  const { hosts, captured } = overheard(seed, authentication);
  const { clock } = hosts.world;
  const random = new Random(seed).fork('attack');
  const up = hosts.udp('forward');
  const down = hosts.udp('backward');
  let stopped = false;
  for (const flow of [up, down]) pace(flow, { interval: 3_000, bytes: () => random.integer(12, 900) }, () => stopped);
  expect(clock.run(20e6, () => up.arrivals.at(-1)?.via === 'tun' && down.arrivals.at(-1)?.via === 'tun')).to.equal(
    true,
  );
  const connection = hosts.tcp({ upload: 400_000, download: 100_000 });
  const strike = (): void => {
    if (stopped) return;
    attack(hosts, captured, random);
    clock.after(500, strike);
  };
  strike();
  const end = clock.now + 1.5e6;
  clock.run(clock.now + 60e6, () => connection.done && clock.now > end);
  stopped = true;
  clock.runUntil(clock.now + 1e6);
  const problems = [...connection.faults(), ...foreignStrays(hosts)];
  for (const [name, flow] of [
    ['up', up],
    ['down', down],
  ] as const) {
    if (flow.foreign > 0) problems.push(`${name}: ${flow.foreign} foreign datagrams`);
    if (flow.duplicates().length > 0) problems.push(`${name}: delivered twice ${flow.duplicates().slice(0, 5)}`);
    if (flow.missing().length > 0) problems.push(`${name}: missing ${flow.missing().slice(0, 5)}`);
    if (flow.arrivals.at(-1)?.via !== 'tun') problems.push(`${name}: no longer MPIP`);
  }
  for (const name of ['a', 'b'] as const) {
    const live = hosts.status(name).paths.filter(({ state }) => state === 'live').length;
    if (live !== 4) problems.push(`${name}: ${live} of 4 paths live`);
    const { slotsAvailable, slotCount } = hosts.mpipd(name);
    if (slotsAvailable !== slotCount) problems.push(`${name}: ${slotCount - slotsAvailable} slots held`);
  }
  return { hosts, problems };
}

/** Answers to made-up sources may come back as strays, but only from the MPIP port and natively. */
function foreignStrays(hosts: TwoHosts): string[] {
  return [hosts.a, hosts.b].flatMap(({ host }) => {
    const others = host.strays.map(parseIp).filter((ip) => ip.protocol !== UDP || parseUdp(ip).source.port !== 6747);
    const found = others.map((ip) => `${host.name}: stray of protocol ${ip.protocol} from ${ip.source}`);
    return host.counters.strayTun === 0
      ? found
      : [...found, `${host.name}: ${host.counters.strayTun} strays through TUN`];
  });
}

function anySource(random: Random, genuine: Endpoint, hosts: TwoHosts): Endpoint {
  if (random.chance(0.6)) return genuine;
  const address = random.chance(0.5)
    ? `192.0.2.${random.integer(1, 254)}`
    : random.pick([...hosts.a.host.addresses, ...hosts.b.host.addresses]);
  return { address, port: random.chance(0.5) ? 6747 : random.integer(1, 65_535) };
}

describe('datagrams from an attacker', function () {
  this.timeout(120_000);

  for (const seed of seeds(1, 20)) {
    it(`that are mutated change nothing for the applications (seed ${seed})`, () => {
      const { problems, hosts: after } = under(seed, true, (hosts, captured, random) => {
        const fresh = random.chance(0.5);
        const chosen = fresh ? captured.at(-1 - random.integer(0, 20))! : pickOld(hosts, captured, random);
        const payload = fresh ? breakSeal(random, chosen) : mutate(random, chosen, random.pick(captured));
        const to = random.chance(0.9) ? chosen.to : chosen.from;
        inject(hosts, to, anySource(random, chosen.from, hosts), payload);
      });
      expect(problems).to.deep.equal([]);
      for (const name of ['a', 'b'] as const) expect(after.status(name).counters.badTag).to.be.greaterThan(10);
    });

    it(`that are replayed, reflected or moved change nothing for the applications (seed ${seed})`, () => {
      const { problems, hosts: after } = under(seed, true, (hosts, captured, random) => {
        // The newest ones too: a copy may be there before the original.
        const chosen = random.chance(0.5)
          ? captured[captured.length - 1 - random.integer(0, Math.min(20, captured.length - 1))]!
          : random.pick(captured);
        const to = random.chance(0.8) ? chosen.to : chosen.from;
        inject(hosts, to, anySource(random, chosen.from, hosts), chosen.payload);
      });
      expect(problems).to.deep.equal([]);
      for (const name of ['a', 'b'] as const) {
        const { counters, sessions } = after.status(name);
        expect(counters.replayed, 'control').to.be.greaterThan(10);
        for (const { reorder } of sessions) expect(reorder.duplicates, 'data').to.be.greaterThan(10);
      }
    });
  }

  it('never make a node throw, without authentication either', () => {
    for (const seed of seeds(1, 20)) {
      const { hosts, captured } = overheard(seed, false);
      const { clock } = hosts.world;
      const random = new Random(seed).fork('attack');
      const up = hosts.udp('forward');
      pace(up, { interval: 3_000, bytes: () => random.integer(12, 900) }, () => false);
      clock.run(20e6, () => up.arrivals.at(-1)?.via === 'tun');
      for (let i = 0; i < 3_000; i++) {
        const chosen = random.pick(captured);
        inject(hosts, chosen.to, anySource(random, chosen.from, hosts), mutate(random, chosen, random.pick(captured)));
        clock.runUntil(clock.now + 300);
      }
      // Who can forge datagrams can misdirect them, too; but both nodes are alive.
      const { time } = up.arrivals.at(-1)!;
      expect(clock.now - time, `seed ${seed}`).to.be.below(1e6);
    }
  });

  it('never throw in a node that knows nobody', () => {
    const random = new Random(99);
    const { captured } = (() => {
      const source = overheard(5, true);
      const flow = source.hosts.udp('forward');
      pace(flow, { interval: 3_000, bytes: () => 100 }, () => false);
      source.hosts.world.clock.runUntil(2e6);
      return source;
    })();
    const lone = new TwoHosts({ seed: 77, cross: false, paths: [{ family: 4, forward: {}, backward: {} }] });
    lone.start('b');
    const to = { address: lone.address('b'), port: 6747 };
    for (let i = 0; i < 20_000; i++) {
      const source = { address: `192.0.2.${random.integer(1, 254)}`, port: random.integer(1, 65_535) };
      inject(lone, to, source, mutate(random, random.pick(captured), random.pick(captured)));
      if (i % 10 === 0) lone.world.clock.runUntil(lone.world.clock.now + 1_000);
    }
    lone.world.clock.runUntil(lone.world.clock.now + 60e6);
    const { peers, sessions, paths } = lone.status('b');
    expect([peers, sessions, paths]).to.deep.equal([[], [], []]);
    expect(foreignStrays(lone)).to.deep.equal([]);
    expect(lone.mpipd('b').slotsAvailable).to.equal(lone.mpipd('b').slotCount);
  });
});
