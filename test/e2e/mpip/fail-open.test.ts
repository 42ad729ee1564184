import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Lab } from '../../../lab/lab.js';
import type { PathStatus, SessionStatus } from '../../../src/core/status.js';
import { hostState } from './host-state.js';
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

/** What is asked of a connection whose mpipd is gone (issue 2): it goes on within this. */
const LONGEST_GAP_MS = 3000;
const MPIPCTL = fileURLToPath(new URL('../../../dist/src/ctl/main.js', import.meta.url));

const HOSTS = ['a', 'b'] as const;
type Host = (typeof HOSTS)[number];

/** A connection that a opens. */
interface Case {
  readonly title: string;
  /** Whose daemons end, in the order in which they start again. */
  readonly killed: readonly Host[];
  /** Where the bytes come from. */
  readonly from: Host;
  /** Settings of the reverse-path filter that it is tried with. Strict (1) is the one that would drop MPIP's packets. */
  readonly filters: readonly number[];
}

const CASES: readonly Case[] = [
  { title: 'the sender, which opened the connection', killed: ['a'], from: 'a', filters: [0, 1] },
  { title: 'the sender, which accepted the connection', killed: ['b'], from: 'b', filters: [1, 2] },
  { title: 'the receiver, which accepted the connection', killed: ['b'], from: 'a', filters: [0, 1] },
  { title: 'the receiver, which opened the connection', killed: ['a'], from: 'b', filters: [1, 2] },
  { title: 'both, the sender first to start again', killed: ['a', 'b'], from: 'a', filters: [0, 1] },
  { title: 'both, the receiver first to start again', killed: ['a', 'b'], from: 'b', filters: [1, 2] },
];

const other = (host: Host): Host => (host === 'a' ? 'b' : 'a');

function start(lab: Lab, from: Host): Promise<Stream> {
  const listener = from === 'b' ? 'sender' : 'receiver';
  return Stream.start(lab, { from, to: other(from), address: ADDRESS.b, listener });
}

/** Checks that the stream's bytes take the connection's own path only. */
async function isNative(lab: Lab, stream: Stream, to: Host): Promise<void> {
  const [path1, path2] = await pathShares(lab, stream, to);
  expect(path1).to.be.greaterThan(0.8);
  expect(path2).to.be.lessThan(0.01);
}

async function mpipctl<T>(lab: Lab, host: Host, command: string): Promise<T> {
  const words = [process.execPath, MPIPCTL, command, '--json', '--socket', daemonOf(lab.node(host)).socketPath];
  return JSON.parse((await lab.node(host).exec(words)).stdout) as T;
}

const wrapperBytes = async (lab: Lab, host: Host): Promise<number[]> =>
  (await mpipctl<PathStatus[]>(lab, host, 'paths'))
    .filter(({ state }) => state === 'live')
    .map(({ sentBytes }) => sentBytes);

describe('mpipd fails open', function () {
  this.timeout(60_000);

  for (const filter of [0, 1, 2]) {
    describe(`where rp_filter is ${filter}`, () => {
      const sysctls = {
        'net.ipv4.conf.all.rp_filter': String(filter),
        'net.ipv4.conf.default.rp_filter': String(filter),
      };
      const topology = twoHosts({ rates: FIG4A_RATES, sysctls });
      let lab: Lab;
      before(async () => {
        lab = await Lab.up(topology);
      });
      after(() => lab?.down());
      beforeEach(async () => {
        for (const host of HOSTS)
          if (daemonOf(lab.node(host)).pid === undefined) await daemonOf(lab.node(host)).restart();
        await livePaths(lab, 2);
      });

      for (const { title, killed, from } of CASES.filter(({ filters }) => filters.includes(filter))) {
        it(`kill -9 of ${title}: the connection goes on natively within 3 s and over MPIP after the restart, and so do new ones`, async () => {
          const to = other(from);
          await using stream = await start(lab, from);
          await usesBothPaths(lab, stream, to);
          await Promise.all(killed.map((host) => daemonOf(lab.node(host)).kill('SIGKILL')));
          await stream.flows(2e6);
          await isNative(lab, stream, to);
          for (const host of killed) await daemonOf(lab.node(host)).restart();
          await livePaths(lab, 2);
          await usesBothPaths(lab, stream, to);
          const { longestGapMs } = await stream.finish();
          expect(longestGapMs).to.be.lessThan(LONGEST_GAP_MS);

          await using another = await start(lab, from);
          await usesBothPaths(lab, another, to);
          const before = await wrapperBytes(lab, from);
          await another.flows(1e6);
          const sessions = await mpipctl<SessionStatus[]>(lab, from, 'sessions');
          expect(streamSession({ sessions })?.state).to.equal('mpip');
          const grown = (await wrapperBytes(lab, from)).map((bytes, i) => bytes - before[i]!);
          expect(Math.min(...grown)).to.be.greaterThan(0);
          await another.finish();
        });
      }

      it('a connection that is older than both daemons moves to MPIP without losing data', async () => {
        for (const host of HOSTS) await daemonOf(lab.node(host)).kill('SIGTERM');
        await using stream = await start(lab, 'a');
        await stream.flows(1e6);
        await isNative(lab, stream, 'b');
        for (const host of HOSTS) await daemonOf(lab.node(host)).restart();
        await usesBothPaths(lab, stream, 'b');
        const { longestGapMs } = await stream.finish();
        expect(longestGapMs).to.be.lessThan(LONGEST_GAP_MS);
      });

      it('SIGTERM leaves rules, routes, settings and devices as on a host that never ran it, also after a kill -9', async () => {
        await using plain = await Lab.up(topology, { mpip: false });
        for (const host of HOSTS) {
          const daemon = daemonOf(lab.node(host));
          const running = await hostState(lab, host);
          await daemon.kill('SIGKILL');
          await daemon.restart();
          await daemon.kill('SIGTERM');
          const expected = await hostState(plain, host);
          expect(running).to.not.deep.equal(expected);
          expect(await hostState(lab, host)).to.deep.equal(expected);
        }
      });
    });
  }
});
