import { expect } from 'chai';
import { type RandomParameters, randomParameters } from './scenario/random-parameters.js';
import { runSeed, seeds } from './scenario/seeds.js';
import { TwoHosts } from './scenario/two-hosts.js';
import type { Transfer } from './world/transfer.js';
import { MIN_DATAGRAM, pace, type UdpFlow } from './world/udp.js';

const SEEDS = 1000;
const BATCH = 50;
/** Until sessions have to be MPIP, though hellos get lost, us. */
const WARM_UP = 20e6;
const DEADLINE = 600e6;
const DRAIN = 3e6;

interface Outcome {
  readonly up: UdpFlow;
  readonly down: UdpFlow;
  readonly connection: Transfer;
  /** Number of the first datagram of the main phase. */
  readonly mainFrom: number;
}

/** UDP both ways until it goes through MPIP, then the main flow and a TCP connection at once. */
function drive(hosts: TwoHosts, parameters: RandomParameters): Outcome | string {
  const { clock, random } = hosts.world;
  const load = random.fork('load');
  hosts.start('a');
  hosts.start('b');
  const up = hosts.udp('forward');
  const down = hosts.udp('backward');
  const isWarm = (): boolean => up.arrivals.at(-1)?.via === 'tun' && down.arrivals.at(-1)?.via === 'tun';
  let warm = false;
  for (const flow of [up, down])
    pace(flow, { interval: 20_000, bytes: () => load.integer(MIN_DATAGRAM, 200) }, () => warm);
  warm = clock.run(WARM_UP, isWarm);
  if (!warm) return 'no MPIP session after 20 s';

  const mainFrom = up.sent;
  const total = mainFrom + parameters.datagrams;
  const bytes = (): number => load.integer(MIN_DATAGRAM, 1200);
  const burst = (): number => (load.chance(0.2) ? load.integer(2, 12) : 1);
  pace(up, { interval: parameters.interval, bytes, burst }, () => up.sent >= total);
  pace(down, { interval: parameters.interval * 4, bytes, burst }, () => up.sent >= total);
  const { upload, download, timestamps, window } = parameters;
  const connection = hosts.tcp({ upload, download, timestamps, window });
  clock.run(clock.now + DEADLINE, () => connection.done && up.sent >= total);
  clock.runUntil(clock.now + DRAIN);
  return { up, down, connection, mainFrom };
}

function udpProblems(hosts: TwoHosts, kind: string, flow: UdpFlow, receiver: 'a' | 'b', mainFrom: number): string[] {
  const problems: string[] = [];
  const dropped = hosts.droppedNumbers(flow);
  const name = `UDP to ${receiver}`;
  const unexplained = flow.missing().filter((number) => !dropped.has(number));
  if (unexplained.length > 0)
    problems.push(`${name}: ${unexplained.length} missing that no link dropped: ${unexplained.slice(0, 5)}`);
  if (flow.foreign > 0) problems.push(`${name}: ${flow.foreign} datagrams that nobody sent`);
  const duplicates = flow.duplicates();
  if (duplicates.length > 0) problems.push(`${name}: delivered twice: ${duplicates.slice(0, 5)}`);
  const inversions = flow.inversions();
  const session = hosts.status(receiver).sessions.find(({ protocol }) => protocol === 'udp');
  const late = session?.reorder.late ?? 0;
  // Out of order is only what came after its hold time was over, and the node says so.
  if (inversions.length > late)
    problems.push(`${name}: ${inversions.length} out of order, ${late} of them late: ${inversions.slice(0, 5)}`);
  if (kind === 'clean') {
    if (late > 0) problems.push(`${name}: ${late} late though each path keeps its order`);
    const native = flow.arrivals.filter(({ number, via }) => number >= mainFrom && via === 'native');
    if (receiver === 'b' && native.length > 0)
      problems.push(`${name}: ${native.length} datagrams of the main phase went natively`);
  }
  return problems;
}

function check(hosts: TwoHosts, parameters: RandomParameters): string[] {
  const outcome = drive(hosts, parameters);
  if (typeof outcome === 'string') return [outcome];
  const { up, down, connection, mainFrom } = outcome;
  const problems = [
    ...udpProblems(hosts, parameters.kind, up, 'b', mainFrom),
    ...udpProblems(hosts, parameters.kind, down, 'a', mainFrom),
    ...connection.faults().map((fault) => `TCP ${fault}`),
    ...hosts.strays(),
  ];
  if (parameters.kind === 'clean' && connection.throughTun === 0) problems.push('TCP never went through MPIP');
  for (const name of ['a', 'b'] as const) {
    const { slotsAvailable, slotCount } = hosts.mpipd(name);
    if (slotsAvailable !== slotCount)
      problems.push(`${name}: ${slotCount - slotsAvailable} receive slots are still held`);
  }
  return problems;
}

describe('two nodes over two or three paths', function () {
  this.timeout(120_000);

  for (let first = 1; first <= SEEDS; first += BATCH) {
    const batch = seeds(first, BATCH);
    if (batch.length === 0) continue;
    it(`deliver datagrams at most once and in order, and streams intact (seeds ${first} to ${first + BATCH - 1})`, () => {
      const problems = batch.flatMap((seed) => {
        const parameters = randomParameters(seed);
        return runSeed(new TwoHosts(parameters), (hosts) => check(hosts, parameters));
      });
      expect(problems, problems.join('\n')).to.have.length(0);
    });
  }
});
