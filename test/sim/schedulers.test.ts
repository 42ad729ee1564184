import { expect } from 'chai';
import type { SchedulerName } from '../../src/core/config.js';
import { TwoHosts } from './scenario/two-hosts.js';
import type { LinkParameters } from './world/link.js';
import { pace } from './world/udp.js';

const PAYLOAD = 1200;
/** Inner IP and UDP headers are not on the wire; IP, UDP, CM and tag are. */
const WIRE = PAYLOAD + 20 + 8 + 25 + 8;
const WARM_UP = 4e6;
const MEASURED = 4e6;

interface Measured {
  /** Share of the datagrams sent during the measurement that never came. */
  readonly loss: number;
  /** Bytes delivered by each link as a share of its capacity. */
  readonly use: readonly number[];
}

/** UDP at `share` of what all links together can carry. */
function measure(
  scheduler: SchedulerName,
  links: readonly Partial<LinkParameters>[],
  share: number,
  seed: number,
): Measured {
  const config = { scheduler };
  const paths = links.map((link) => ({ family: 4 as const, forward: link, backward: link }));
  const hosts = new TwoHosts({
    seed,
    cross: false,
    paths,
    a: { config, mpipd: { gro: true } },
    b: { config, mpipd: { gro: true } },
  });
  const { clock } = hosts.world;
  hosts.start('a', { peers: [hosts.address('b')] });
  hosts.start('b');
  clock.runUntil(1e6);
  const flow = hosts.udp('forward');
  let stopped = false;
  const capacity = links.reduce((sum, { rate = 0 }) => sum + rate, 0);
  pace(flow, { interval: (WIRE * 8e6) / (capacity * share), bytes: () => PAYLOAD }, () => stopped);
  clock.runUntil(clock.now + WARM_UP);
  const first = flow.sent;
  const before = hosts.forward.map(({ counters }) => counters.deliveredBytes);
  clock.runUntil(clock.now + MEASURED);
  const sent = flow.sent - first;
  const use = hosts.forward.map(
    ({ counters }, i) => ((counters.deliveredBytes - before[i]!) * 8e6) / MEASURED / links[i]!.rate!,
  );
  stopped = true;
  clock.runUntil(clock.now + 2e6);
  const missing = flow.missing().filter((number) => number >= first).length;
  expect(flow.duplicates()).to.deep.equal([]);
  return { loss: missing / sent, use };
}

/** A queue of 50 ms. */
function link(rate: number, delay: number): Partial<LinkParameters> {
  return { rate, delay, jitter: 200, queueBytes: (rate * 0.05) / 8 };
}

describe('schedulers of all-paths', function () {
  this.timeout(60_000);

  // The least use of a link that still fits: what is offered leaves 5 % of the sum free, on whichever link.
  const groups: [string, Partial<LinkParameters>[], number][] = [
    ['40 and 20 Mbit/s', [link(40e6, 2_000), link(20e6, 2_000)], 0.8],
    ['20 and 40 Mbit/s, +10 ms on the first', [link(20e6, 12_000), link(40e6, 2_000)], 0.8],
    ['40 and 40 Mbit/s', [link(40e6, 2_000), link(40e6, 2_000)], 0.8],
    ['40 and 8 Mbit/s, 30 ms apart', [link(40e6, 5_000), link(8e6, 35_000)], 0.6],
  ];
  for (const [name, links, least] of groups) {
    for (const seed of [1, 2, 3]) {
      it(`earliest fills ${name} with UDP at 95 % of the sum: loss below 0.5 % (seed ${seed})`, () => {
        const { loss, use } = measure('earliest', links, 0.95, seed);
        const shown = `loss ${(loss * 100).toFixed(2)} %, use ${use.map((share) => share.toFixed(3)).join(' ')}`;
        expect(loss, shown).to.be.below(0.005);
        for (const share of use) expect(share, shown).to.be.within(least, 1.001);
      });
    }
  }

  for (const scheduler of ['earliest', 'paper'] as const) {
    it(`${scheduler} loses nothing at half of the faster path`, () => {
      const { loss } = measure(scheduler, groups[0]![1], (0.5 * 40) / 60, 1);
      expect(loss).to.equal(0);
    });
  }

  it('paper uses both paths of 40 and 20 Mbit/s at 80 % of the sum', () => {
    const { loss, use } = measure('paper', groups[0]![1], 0.8, 1);
    const shown = `loss ${(loss * 100).toFixed(2)} %, use ${use.map((share) => share.toFixed(3)).join(' ')}`;
    for (const share of use) expect(share, shown).to.be.greaterThan(0.4);
  });
});
