import { expect } from 'chai';
import { Conversation, Internet, SERVER } from '../scenario/internet.js';
import { seeds } from '../scenario/seeds.js';
import type { Host } from '../world/host.js';
import type { Nat, NatType } from '../world/nat.js';
import { Random } from '../world/random.js';

const UDP_AT = { address: SERVER, port: 7001 };
const TCP_AT = { address: SERVER, port: 80 };

interface Homes {
  readonly internet: Internet;
  readonly server: Host;
  readonly client: Host;
  readonly nats: readonly Nat[];
}

/** A client with two interfaces of `rate` bit/s behind a NAT each, and a server whose own link is not the bottleneck. */
function homes(seed: number, type: NatType, lifetime?: number, rate = 20e6): Homes {
  const internet = new Internet(seed);
  const random = new Random(seed).fork('homes');
  const server = internet.host('server', [{ address: SERVER, link: { rate: 100e6 } }]);
  const nats = [1, 2].map((i) =>
    internet.nat(`198.51.100.${i}`, { type, ...(lifetime === undefined ? {} : { lifetime }) }),
  );
  const client = internet.host(
    'client',
    nats.map((nat, i) => ({
      address: `192.168.${i}.2`,
      nat,
      link: { delay: random.scaled(2_000, 40_000), rate },
    })),
  );
  return { internet, server, client, nats };
}

function startBoth({ internet, server, client }: Homes): void {
  internet.start(server);
  internet.start(client, { peers: [SERVER] });
}

const endpointsOf = ({ internet, server }: Homes): string[] =>
  internet
    .status(server)
    .paths.filter(({ state }) => state === 'live')
    .map(({ destination }) => `${destination.address} ${destination.port}`)
    .sort();

const haveBoth = ({ internet, server, client }: Homes): boolean =>
  [server, client].every((host) => host.mpipd !== null && internet.livePaths(host) === 2);

/** Bytes that come through each interface's line, up and down, in `us`. */
function during({ internet, client }: Homes, us: number): number[] {
  const count = (): number[] =>
    internet.lines
      .get(client)!
      .flatMap(({ up, down }) => [up, down])
      .map((way) => way.counters.deliveredBytes);
  const before = count();
  internet.clock.runUntil(internet.clock.now + us);
  return count().map((bytes, i) => bytes - before[i]!);
}

describe('NAT keep-alives inside the mapping lifetime', () => {
  for (const lifetime of [30, 60, 120]) {
    it(`of ${lifetime} s: ten minutes of silence, and no path was ever lost, no mapping has changed, the sessions go on at once`, () => {
      const own = homes(lifetime, 'symmetric', lifetime * 1e6);
      const { internet, server, client } = own;
      const { clock } = internet;
      startBoth(own);
      expect(clock.run(5e6, () => haveBoth(own))).to.equal(true);
      const conversation = new Conversation({ client, server, to: UDP_AT });
      expect(clock.run(clock.now + 5e6, () => conversation.isMpip())).to.equal(true);
      conversation.stop();
      const before = endpointsOf(own);
      const silentFrom = clock.now;
      while (clock.now < silentFrom + 600e6) {
        clock.runUntil(clock.now + 1e6);
        expect(haveBoth(own), `after ${(clock.now - silentFrom) / 1e6} s`).to.equal(true);
      }
      expect(endpointsOf(own)).to.deep.equal(before);
    });
  }
});

describe('NAT rebinding healed by the next authenticated packet', () => {
  for (const type of ['port-restricted', 'symmetric'] as const) {
    for (const way of ['both ways', 'up', 'down'] as const) {
      it(`behind ${type}, with datagrams ${way}: all that is lost was under way, TCP goes on`, () => {
        const own = homes(5, type);
        const { internet, server, client, nats } = own;
        const { clock } = internet;
        startBoth(own);
        expect(clock.run(5e6, () => haveBoth(own))).to.equal(true);
        const silence = Number.POSITIVE_INFINITY;
        const conversation = new Conversation({
          client,
          server,
          to: UDP_AT,
          ...(way === 'up' ? { down: silence } : {}),
          ...(way === 'down' ? { up: silence } : {}),
        });
        expect(clock.run(clock.now + 5e6, () => conversation.isMpip())).to.equal(true);
        const connection = internet.tcp(client, server, TCP_AT, {
          upload: 20_000_000,
          download: way === 'up' ? 0 : 20_000_000,
        });
        clock.runUntil(clock.now + 2e6);
        const before = endpointsOf(own);
        const sent = [conversation.up.sent, conversation.down.sent];
        for (const nat of nats) nat.restart();
        const restartedAt = clock.now;
        const healed = (): boolean => {
          const now = endpointsOf(own);
          return now.length === 2 && now.every((endpoint) => !before.includes(endpoint));
        };
        expect(clock.run(restartedAt + 1e6, healed), 'both paths within 1 s').to.equal(true);
        clock.runUntil(clock.now + 1e6);
        const later = [conversation.up.sent, conversation.down.sent];
        expect(clock.run(clock.now + 60e6, () => connection.done)).to.equal(true);
        conversation.stop();
        expect(connection.faults()).to.deep.equal([]);
        expect(conversation.faults()).to.deep.equal([]);
        expect(conversation.isMpip(clock.now - 2e6)).to.equal(true);
        [conversation.up, conversation.down].forEach((flow, i) => {
          const missing = flow.missing().filter((number) => number >= sent[i]! && number < later[i]!);
          expect(missing.length, 'lost around the rebinding').to.be.below(60);
        });
      });
    }
  }

  it('of idle paths: the next keep-alive finds them, and what begins then is MPIP', () => {
    const own = homes(6, 'symmetric');
    const { internet, server, client, nats } = own;
    const { clock } = internet;
    startBoth(own);
    expect(clock.run(5e6, () => haveBoth(own))).to.equal(true);
    for (const nat of nats) nat.restart();
    clock.runUntil(clock.now + 45e6);
    expect(haveBoth(own)).to.equal(true);
    const conversation = new Conversation({ client, server, to: UDP_AT });
    expect(clock.run(clock.now + 5e6, () => conversation.isMpip())).to.equal(true);
  });
});

describe('simultaneous start of both nodes, and restarts of either, converge behind NAT', function () {
  this.timeout(120_000);

  for (const seed of seeds(1, 12)) {
    const random = new Random(seed).fork('restart');
    const type = random.pick<NatType>(['full-cone', 'address-restricted', 'port-restricted', 'symmetric']);
    const victims = random.pick<readonly ('client' | 'server')[]>([['client'], ['server'], ['client', 'server']]);
    const kind = random.pick(['kill', 'stop'] as const);
    const away = random.pick([1_000, 100_000, 1e6, 8e6]);
    const rate = seed % 4 === 0 ? 20e6 : 8e6;
    it(`${kind} of ${victims.join(' and ')} for ${away / 1e6} s, ${type}, ${rate / 1e6} Mbit/s: both paths are live and used within 6 s, old and new sessions MPIP (seed ${seed})`, () => {
      const own = homes(seed, type, undefined, rate);
      const { internet, server, client } = own;
      const { clock } = internet;
      startBoth(own);
      const conversation = new Conversation({ client, server, to: UDP_AT });
      const connection = internet.tcp(client, server, TCP_AT, { upload: 1.5 * rate, download: 1.5 * rate });
      expect(clock.run(8e6, () => haveBoth(own) && conversation.isMpip() && connection.throughTun > 0)).to.equal(true);
      const start = (host: Host): void => void internet.start(host, host === client ? { peers: [SERVER] } : {});
      const hosts = victims.map((victim) => (victim === 'client' ? client : server));
      for (const host of hosts) host.mpipd![kind]();
      clock.runUntil(clock.now + away);
      for (const host of hosts) start(host);
      const restarted = clock.now;
      expect(
        clock.run(restarted + 6e6, () => haveBoth(own)),
        'both paths live',
      ).to.equal(true);
      const back = (clock.now - restarted) / 1e6;
      expect(
        clock.run(restarted + 6e6, () => conversation.isMpip(restarted)),
        `old UDP session, paths after ${back} s`,
      ).to.equal(true);
      const fresh = new Conversation({ client, server, to: { ...UDP_AT, port: 7002 }, port: 5100 });
      expect(
        clock.run(clock.now + 5e6, () => fresh.isMpip()),
        'new UDP session',
      ).to.equal(true);
      // More than either path carries: at 8 Mbit/s nearly three times as much, so two of three native datagrams and their blocks are lost.
      const load = new Conversation({
        client,
        server,
        to: { ...UDP_AT, port: 7003 },
        port: 5200,
        bytes: 1000,
        up: 350,
        down: 350,
      });
      expect(
        clock.run(clock.now + 5e6, () => load.isMpip()),
        'UDP session that overloads its native route',
      ).to.equal(true);
      // What it has queued natively makes its path look as if it carried next to nothing, until the queue is gone.
      let least = 0;
      for (const end = clock.now + 6e6; clock.now < end && least <= 0.1 * rate; ) {
        least = 8 * Math.min(...during(own, 1e6));
      }
      expect(least, 'bit/s, each way of each path').to.be.greaterThan(0.1 * rate);
      load.stop();
      expect(clock.run(clock.now + 120e6, () => connection.done)).to.equal(true);
      conversation.stop();
      fresh.stop();
      expect(connection.faults()).to.deep.equal([]);
      expect([...conversation.faults(), ...fresh.faults(), ...load.faults()]).to.deep.equal([]);
    });
  }
});
