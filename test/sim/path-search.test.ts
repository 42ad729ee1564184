import { expect } from 'chai';
import { TwoHosts } from './scenario/two-hosts.js';

/** One way, us: of the first interface, and what each further one has more. */
const DELAY_US = 40_000;
const STEP_US = 7_000;
/** Wake-ups of the hosts cost virtual time, too, us. */
const SLACK_US = 2_000;

interface Found {
  readonly path: string;
  /** From the first packet, in round trips of the path itself. */
  readonly roundTrips: number;
}

/** What each host has found once the other has been seen, in order of time. */
function search(interfaces: number, configured: boolean): Record<'a' | 'b', Found[]> {
  const delays = Array.from({ length: interfaces }, (_, i) => DELAY_US + STEP_US * i);
  const paths = delays.map((delay) => ({ family: 4 as const, forward: { delay }, backward: { delay } }));
  const hosts = new TwoHosts({ seed: interfaces, paths, cross: true });
  const { clock } = hosts.world;
  hosts.start('b');
  clock.runUntil(1e6);
  const start = clock.now;
  hosts.start('a', configured ? { peers: [hosts.address('b')] } : {});
  if (!configured) hosts.tcp({ upload: 1000, download: 1000, window: 65_536, timestamps: true });
  const found = { a: [] as Found[], b: [] as Found[] };
  const look = (): boolean => {
    for (const name of ['a', 'b'] as const) {
      for (const { source, destination, state } of hosts.status(name).paths) {
        const path = `${source.address} ${destination.address}`;
        if (state !== 'live' || found[name].some((own) => own.path === path)) continue;
        // Each packet passes the links of the interface that it leaves by.
        const roundTrip = [source, destination].reduce((sum, { address }) => sum + delays[indexOf(address)]!, 0);
        found[name].push({ path, roundTrips: (clock.now - start - SLACK_US) / roundTrip });
      }
    }
    return found.a.length + found.b.length === 2 * interfaces ** 2;
  };
  const indexOf = (address: string): number =>
    delays.findIndex((_, i) => [hosts.address('a', i), hosts.address('b', i)].includes(address));
  clock.run(start + 60e6, look);
  return found;
}

describe('m x n probing with challenge and response', () => {
  for (const interfaces of [1, 2, 3, 4]) {
    for (const configured of [false, true]) {
      const cause = configured ? 'a configured peer' : 'the first packet to it';
      it(`finds all ${interfaces} x ${interfaces} paths within 3 RTT each, from ${cause} on`, () => {
        const found = search(interfaces, configured);
        for (const name of ['a', 'b'] as const) {
          expect(new Set(found[name].map(({ path }) => path)).size, name).to.equal(interfaces ** 2);
          // The side that was asked waits for the other's key: half a round trip more.
          const limit = name === 'a' ? 2 : 3;
          for (const { path, roundTrips } of found[name]) expect(roundTrips, `${name}: ${path}`).to.be.at.most(limit);
        }
      });
    }
  }
});
