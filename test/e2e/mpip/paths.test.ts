import { expect } from 'chai';
import { Lab } from '../../../lab/lab.js';
import { waitUntil } from '../../../lab/running/wait.js';
import {
  ADDRESS,
  daemonOf,
  FIG4A_RATES,
  livePaths,
  pathShares,
  streamSession,
  twoHosts,
  usesBothPaths,
} from './hosts.js';
import { Stream } from './stream.js';

/** What the paper's figure 4(b) shows: there is no second in which nothing arrives. */
const LONGEST_GAP_MS = 1000;

const PATIENCE_MS = 10_000;

const PATHS = ['path1', 'path2'] as const;

describe('paths under a running transfer', function () {
  this.timeout(60_000);

  let lab: Lab;
  const up = async (): Promise<void> => {
    lab = await Lab.up(twoHosts({ rates: FIG4A_RATES, sysctls: { 'net.ipv4.conf.all.promote_secondaries': '1' } }));
  };
  const down = async (): Promise<void> => lab?.down();

  /** A stream from a to b that takes both paths. */
  async function overBoth(): Promise<Stream> {
    const stream = await Stream.start(lab, { from: 'a', to: 'b', address: ADDRESS.b });
    await usesBothPaths(lab, stream, 'b');
    return stream;
  }

  const sessionId = async (): Promise<number | undefined> =>
    streamSession(await daemonOf(lab.node('a')).status())?.session;

  describe('whose links fail', () => {
    before(up);
    after(down);

    for (const [failing, surviving] of [
      [0, 1],
      [1, 0],
    ] as const) {
      for (const [at, side] of [
        ['a', 'sender'],
        ['b', 'receiver'],
      ] as const) {
        it(`netlink-driven removal and addition: ${PATHS[failing]} loses its carrier at the ${side}, the transfer goes on over the other one, and over both when the link is back`, async () => {
          await using stream = await overBoth();
          const session = await sessionId();
          await lab.link(PATHS[failing]).set({ carrier: 'down', at });
          await livePaths(lab, 1);
          const shares = await pathShares(lab, stream, 'b');
          expect(shares[failing]).to.equal(0);
          expect(shares[surviving]).to.be.greaterThan(0.8);
          await lab.link(PATHS[failing]).set({ carrier: 'up' });
          await livePaths(lab, 2);
          await usesBothPaths(lab, stream, 'b');
          const { longestGapMs } = await stream.finish();
          expect(longestGapMs).to.be.lessThan(LONGEST_GAP_MS);
          expect(await sessionId()).to.equal(session);
        });
      }
    }

    it('a path that was slow for a while is used again', async () => {
      await using stream = await overBoth();
      await lab.link('path2').set({ rateBps: 200e3 });
      await stream.flows(10e6);
      await lab.link('path2').set({ rateBps: FIG4A_RATES[1] });
      // The other path alone brings this in 2 s.
      await stream.flows(10e6);
      await usesBothPaths(lab, stream, 'b');
      await stream.finish();
    });
  });

  describe('whose addresses change', () => {
    beforeEach(up);
    afterEach(down);

    it('address change with sessions surviving: one that is added brings a path, one that is removed takes its path along', async () => {
      await using stream = await overBoth();
      const session = await sessionId();
      const a = lab.node('a');
      await a.exec(['ip', 'address', 'add', '10.2.0.11/24', 'dev', 'eth1']);
      await livePaths(lab, 3);
      await a.exec(['ip', 'address', 'del', '10.2.0.1/24', 'dev', 'eth1']);
      await livePaths(lab, 2);
      for (const [host, from, to] of [
        ['a', '10.2.0.11', '10.2.0.2'],
        ['b', '10.2.0.2', '10.2.0.11'],
      ] as const) {
        const { paths } = await daemonOf(lab.node(host)).status();
        const live = paths
          .filter(({ state }) => state === 'live')
          .map((path) => `${path.source.address} ${path.destination.address}`);
        expect(live).to.include(`${from} ${to}`);
      }
      await usesBothPaths(lab, stream, 'b');
      await a.exec(['ip', 'address', 'del', '10.2.0.11/24', 'dev', 'eth1']);
      await livePaths(lab, 1);
      await stream.flows(2e6);
      const { longestGapMs } = await stream.finish();
      expect(longestGapMs).to.be.lessThan(LONGEST_GAP_MS);
      expect(await sessionId()).to.equal(session);
    });

    it("the session's own original address disappears, and moves to another interface: the TCP session goes on", async () => {
      await using stream = await overBoth();
      const session = await sessionId();
      const a = lab.node('a');
      await a.exec(['ip', 'address', 'del', '10.1.0.1/24', 'dev', 'eth0']);
      await livePaths(lab, 1);
      const [gone, left] = await pathShares(lab, stream, 'b');
      expect(gone).to.be.lessThan(0.01);
      expect(left).to.be.greaterThan(0.8);
      await a.exec(['ip', 'address', 'add', '10.1.0.1/32', 'dev', 'eth1']);
      await stream.flows(4e6);
      // The address is an interface's again, so mpipd does not hold it any more.
      const holders = async (): Promise<string> =>
        (await a.exec(['ip', '-o', 'address', 'show', 'to', '10.1.0.1'])).stdout
          .replace(/^\d+: (\S+).*$/gm, '$1')
          .trim();
      const wrong = await waitUntil(async () => {
        const now = await holders();
        return now === 'eth1' ? null : `the address is of ${now}`;
      }, PATIENCE_MS);
      expect(wrong).to.equal(null);
      const { longestGapMs } = await stream.finish();
      expect(longestGapMs).to.be.lessThan(LONGEST_GAP_MS);
      expect(await sessionId()).to.equal(session);
    });

    it("the original path's interface is removed altogether: the TCP session goes on", async () => {
      await using stream = await overBoth();
      const session = await sessionId();
      await lab.node('a').exec(['ip', 'link', 'del', 'eth0']);
      await livePaths(lab, 1);
      const [, left] = await pathShares(lab, stream, 'b');
      expect(left).to.be.greaterThan(0.8);
      const { longestGapMs } = await stream.finish();
      expect(longestGapMs).to.be.lessThan(LONGEST_GAP_MS);
      expect(await sessionId()).to.equal(session);
    });
  });
});
