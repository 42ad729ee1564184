import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Lab } from '../../../lab/lab.js';
import { type Iperf3Workload, runIperf3 } from '../../../lab/workloads/iperf3.js';
import { ControlClient, parseRule } from '../../../src/daemon/api.js';
import { daemonOf, TCP_FLOW } from '../mpip/hosts.js';
import { Stream } from '../mpip/stream.js';
import { B, isMpip, packetsOf, Rules, sendDatagrams, sentPackets, TOPOLOGY } from './hosts.js';

const DOCUMENT = new URL('../../../docs/rules.md', import.meta.url);
const WINDOW_MS = 100;
/** What traffic may take to move to other paths once mpipctl has returned, ms. */
const MOVE_MS = 1000;
const UDP_PORT = 5201;

/** Packets, or bytes, on the two links during one window. */
type Pair = readonly [number, number];

/** The paper's Table 6 as the documentation prints it. */
async function table6(): Promise<string> {
  const text = await readFile(DOCUMENT, 'utf8');
  return /```yaml\n(rules:\n[\s\S]*?)```/.exec(text)![1]!;
}

describe('rules on two hosts with mpipd', function () {
  this.timeout(60_000);

  let lab: Lab;
  let directory: string;
  let rules: Rules;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mpip-rules-'));
    lab = await Lab.up(TOPOLOGY);
    rules = new Rules(lab, directory);
  });
  after(async () => {
    await lab?.down();
    await rm(directory, { recursive: true });
  });
  beforeEach(() => rules.load('rules: []\n'));

  /** What a puts on each path while something runs, window by window. */
  async function watch<T>(run: () => Promise<T>): Promise<{ result: T; windows: Pair[] }> {
    const windows: Pair[] = [];
    let done = false;
    const running = run().finally(() => {
      done = true;
    });
    let before = await sentPackets(lab);
    while (!done) {
      await sleep(WINDOW_MS);
      const now = await sentPackets(lab);
      windows.push([now[0] - before[0], now[1] - before[1]]);
      before = now;
    }
    return { result: await running, windows };
  }

  /** The smaller path's share within the windows: 0 when each has packets on one path only, which it may be another in each. */
  function mixed(windows: readonly Pair[]): number {
    const all = windows.reduce((sum, [one, two]) => sum + one + two, 0);
    return windows.reduce((sum, [one, two]) => sum + Math.min(one, two), 0) / all;
  }

  function iperf3(port: number, change: Partial<Iperf3Workload>) {
    const workload = { ...TCP_FLOW, duration: 3, ...change };
    return runIperf3(workload, { client: lab.node('a'), server: lab.node('b'), target: B, mptcp: false, port });
  }

  describe("of the paper's Table 6", () => {
    beforeEach(async () => {
      const loaded = await rules.load(await table6());
      expect(loaded.map(({ rule }) => rule.name)).to.deep.equal(['ssh', 'video', 'audio', 'default']);
    });

    it('R_f: short TCP packets to port 22 take one path at a time, long ones all paths', async () => {
      const before = await rules.list();
      // What a sends of a download are acknowledgements.
      const download = await watch(() => iperf3(22, { reverse: true }));
      const middle = await rules.list();
      expect(packetsOf(middle, 'ssh') - packetsOf(before, 'ssh')).to.be.greaterThan(500);
      expect(mixed(download.windows)).to.be.below(0.05);
      const upload = await watch(() => iperf3(22, {}));
      const after = await rules.list();
      expect(packetsOf(after, 'ssh') - packetsOf(middle, 'ssh')).to.be.below(100);
      expect(packetsOf(after, 'default') - packetsOf(middle, 'default')).to.be.greaterThan(5000);
      expect(mixed(upload.windows)).to.be.greaterThan(0.15);
    });

    it('T_f: long UDP packets to port 5222 of that host take all paths', async () => {
      const before = await rules.list();
      const { windows } = await watch(() => iperf3(5222, { protocol: 'udp', rate: 45e6 }));
      expect(packetsOf(await rules.list(), 'video') - packetsOf(before, 'video')).to.be.greaterThan(5000);
      expect(mixed(windows)).to.be.greaterThan(0.15);
    });

    it('R_f: short UDP packets to port 5221 of that host take one path at a time, and arrive once each', async () => {
      const before = await rules.list();
      const { result, windows } = await watch(() => sendDatagrams(lab, 5221, 400, 3000));
      await isMpip(lab, 5221);
      const after = await rules.list();
      expect(packetsOf(after, 'audio') - packetsOf(before, 'audio')).to.be.within(2500, 3000);
      expect(mixed(windows)).to.be.below(0.05);
      expect([...result].sort((one, two) => one - two)).to.deep.equal(Array.from({ length: 3000 }, (_, i) => i));
      const long = await sendDatagrams(lab, 5221, 473, 500);
      expect(long).to.have.lengthOf(500);
      expect(packetsOf(await rules.list(), 'audio')).to.equal(packetsOf(after, 'audio'));
    });
  });

  describe('changed by mpipctl while packets flow', () => {
    async function received(): Promise<Pair> {
      const counters = lab.node('b').counters();
      const of = (name: string): number => counters.find((own) => own.interface === name)?.rxBytes ?? 0;
      return [of('eth0'), of('eth1')];
    }

    /** Resolves once path1's share of a window looks as `moved` wants it; fails when that takes too long. */
    async function moves(
      what: string,
      moved: (share: number, count: number) => boolean,
      count: () => Promise<Pair> = received,
    ): Promise<void> {
      const deadline = performance.now() + MOVE_MS;
      let before = await count();
      const seen: string[] = [];
      while (performance.now() < deadline) {
        await sleep(WINDOW_MS);
        const now = await count();
        const [one, two] = [now[0] - before[0], now[1] - before[1]];
        before = now;
        const share = one / (one + two);
        seen.push(`${(100 * share).toFixed(0)} % of ${one + two}`);
        if (moved(share, one + two)) return;
      }
      throw new Error(`${what} took more than ${MOVE_MS} ms; on path1: ${seen.join(', ')}`);
    }

    it('move a TCP stream within a second, and not one byte of it is lost', async () => {
      await using stream = await Stream.start(lab, { from: 'a', to: 'b', address: B });
      await stream.flows(5e6);
      // A window's worth of a path at a tenth of its rate, so that a standstill is no move.
      const flowing = 25_000;
      for (let round = 0; round < 2; round++) {
        await rules.add('{ name: second, mode: selected-paths, paths: { interfaces: [eth1] } }');
        await moves('to path2', (share, bytes) => share < 0.03 && bytes > flowing);
        await rules.add(
          '{ name: first, port: 5000, mode: single-path, paths: { interfaces: [eth0] } }',
          '--before',
          'second',
        );
        await moves('to path1', (share, bytes) => share > 0.97 && bytes > flowing);
        await rules.load('rules: [{ name: both, mode: protected-path }]\n');
        // What the slower path has no room for is dropped on its way, so it is counted where it leaves.
        const leaving = (): Promise<Pair> => sentPackets(lab);
        await moves('to copies on both', (share, packets) => share > 0.49 && share < 0.51 && packets > 50, leaving);
        await rules.remove('both');
        await moves('to all paths', (share, bytes) => share > 0.5 && share < 0.85 && bytes > flowing);
        await stream.flows(2e6);
      }
      const { bytes, longestGapMs } = await stream.finish();
      expect(bytes).to.be.greaterThan(10e6);
      expect(longestGapMs).to.be.below(MOVE_MS);
    });

    it('cost iperf3 no datagram below the rate of each path', async () => {
      let done = false;
      const load = iperf3(UDP_PORT, { protocol: 'udp', rate: 10e6, duration: 6 }).finally(() => {
        done = true;
      });
      await isMpip(lab, UDP_PORT);
      const changes = [
        '{ mode: protected-path }',
        '{ mode: single-path, paths: { interfaces: [eth1] } }',
        '{ mode: selected-paths, paths: { interfaces: [eth0] } }',
        '{ priority: throughput, protocol: udp }',
        '{ priority: responsiveness, length: 500- }',
      ];
      let count = 0;
      // Without a process for each change, which a busy machine takes a second to start.
      await using client = await ControlClient.connect(daemonOf(lab.node('a')).socketPath);
      while (!done) await client.loadRules([parseRule(changes[count++ % changes.length]!, 'RULE')]);
      expect(count).to.be.greaterThan(100);
      expect((await load).metrics.loss).to.equal(0);
      const [lastRule] = await rules.list();
      expect(lastRule?.rule.name).to.equal('rule 1');
    });
  });
});
