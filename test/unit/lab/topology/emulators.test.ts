import { expect } from 'chai';
import { netemText } from '../../../../lab/backend/netns/netem.js';
import { makePlan, type Plan, parseTopology } from '../../../../lab/lab.js';
import { chooseEmulators } from '../../../../lab/plan/links.js';

function plan(link: string): Plan {
  const text = `name: t\nnodes: { a: { kind: host }, b: { kind: host } }\nlinks:
  l: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24, ${link} }`;
  return makePlan(parseTopology(text, 't.yaml'));
}

const emulator = (whole: Plan): string => whole.links[0]!.emulator;

const NO_NETEM = { netem: false, seededNetem: false };
const OLD_NETEM = { netem: true, seededNetem: false };
const NETEM = { netem: true, seededNetem: true };

describe('the emulator of a link', () => {
  for (const [link, without, old, seeded] of [
    ['mtu: 1500', 'none', 'none', 'none'],
    ['rate: 10mbit', 'tbf', 'tbf', 'tbf'],
    ['a->b: { rate: 10mbit }', 'tbf', 'tbf', 'tbf'],
    ['delay: 10ms', 'relay', 'netem', 'netem'],
    ['delay: 0ms', 'relay', 'netem', 'netem'],
    ['rate: 10mbit, b->a: { delay: 10ms }', 'relay', 'netem', 'netem'],
    ['loss: 1%', 'relay', 'relay', 'netem'],
    ['delay: 5ms, reorder: 1%, duplicate: 1%', 'relay', 'relay', 'netem'],
    // netem loses in front of the rate, and has no jitter that several packets share.
    ['delay: 5ms, rate: 10mbit', 'relay', 'netem', 'netem'],
    ['loss: 1%, rate: 10mbit', 'relay', 'relay', 'relay'],
    ['duplicate: 1%, rate: 10mbit', 'relay', 'relay', 'relay'],
    ['delay: 5ms, jitter: 1ms', 'relay', 'relay', 'relay'],
    ['trace: lte.csv', 'relay', 'relay', 'relay'],
  ] as const) {
    it(`of "${link}" is ${without}, ${old} or ${seeded}: none, netem, netem with a seed`, () => {
      expect([NO_NETEM, OLD_NETEM, NETEM].map((kernel) => emulator(chooseEmulators(plan(link), kernel)))).to.deep.equal(
        [without, old, seeded],
      );
    });
  }

  it('can be chosen again for another machine', () => {
    const relayed = plan('rate: 10mbit, delay: 10ms');
    expect(chooseEmulators(chooseEmulators(relayed, NETEM), NO_NETEM)).to.deep.equal(relayed);
  });

  it('is netem for all but traces where that is asked for, and says whether it can be repeated', () => {
    for (const link of ['loss: 1%, rate: 10mbit', 'delay: 5ms, jitter: 1ms']) {
      expect(chooseEmulators(plan(link), OLD_NETEM, 'netem').links[0]).to.include({
        emulator: 'netem',
        repeatable: false,
      });
      expect(chooseEmulators(plan(link), NETEM, 'netem').links[0]).to.include({ emulator: 'netem', repeatable: true });
    }
    const traced = chooseEmulators(plan('trace: lte.csv'), OLD_NETEM, 'netem').links[0];
    expect(traced).to.include({ emulator: 'relay', repeatable: true });
  });

  it('has a bucket only where the kernel holds the rate', () => {
    const relayed = plan('rate: 10mbit, delay: 10ms');
    expect(relayed.links[0]!.ends[0].shaping).to.include({ burstBytes: 0, limitBytes: 62_500 });
    expect(chooseEmulators(relayed, NETEM).links[0]!.ends[0].shaping!.burstBytes).to.be.greaterThan(3000);
  });

  it('has a queue for a round trip of the link, unless the file says otherwise', () => {
    const limit = (link: string) => plan(link).links[0]!.ends[0].emulation!.limit;
    expect(limit('rate: 10mbit, delay: 10ms')).to.deep.equal({ kind: 'time', us: 50_000 });
    expect(limit('rate: 10mbit, delay: 100ms, b->a: { delay: 300ms }')).to.deep.equal({ kind: 'time', us: 400_000 });
    expect(limit('rate: 1mbit, delay: 1ms')).to.deep.equal({ kind: 'bytes', bytes: 15_140 });
    expect(limit('rate: 10mbit, delay: 10ms, limit: 7packets')).to.deep.equal({ kind: 'packets', packets: 7 });
  });

  it('has randomness of its own for each direction and seed', () => {
    const seeds = (text: string) =>
      makePlan(parseTopology(text, 't.yaml')).links.flatMap(({ ends }) => ends.map(({ emulation }) => emulation!.seed));
    const text = (seed: string) => `name: t\n${seed}nodes: { a: { kind: host }, b: { kind: host } }\nlinks:
  l: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24, loss: 1% }
  m: { ends: [a:eth1, b:eth1], subnet: 10.2.0.0/24, loss: 1% }`;
    expect(new Set([...seeds(text('')), ...seeds(text('seed: 2\n'))]).size).to.equal(8);
    expect(seeds(text('seed: 1\n'))).to.deep.equal(seeds(text('')));
  });

  it('takes a key of one direction before the same key of both, and a rate or trace of its own before the other', () => {
    const both = plan('rate: 10mbit, delay: 10ms, loss: 1%, a->b: { delay: 20ms }, b->a: { trace: lte.csv }');
    const [there, back] = both.links[0]!.ends;
    expect(there.emulation).to.deep.include({ delayUs: 20_000, loss: { model: 'random', mean: 0.01 }, trace: null });
    expect(there.shaping).to.include({ rateBps: 10e6 });
    expect(back.emulation).to.include({ delayUs: 10_000, trace: 'lte.csv' });
    expect(back.shaping).to.equal(null);
  });
});

describe('the words for netem', () => {
  const words = (link: string, seeded = true): string =>
    netemText(plan(`a->b: { ${link} }`).links[0]!.ends[0].emulation!, seeded);

  it('never have its default limit of 1000 packets', () => {
    expect(words('delay: 10ms')).to.equal('limit 1000000 rate 100gbit delay 10000us');
  });

  it('have a seed where something is random and the kernel takes one', () => {
    expect(words('loss: 0.1%')).to.match(/^limit 1000000 rate 100gbit loss random 0\.1% seed \d+$/);
    expect(words('loss: 0.1%', false)).to.match(/ loss random 0\.1%$/);
    expect(words('delay: 5ms, reorder: 1%, duplicate: 2%')).to.match(/delay 5000us duplicate 2% reorder 1% seed \d+$/);
  });

  it('keep packets in order when the delay varies, or becomes less, by a rate', () => {
    expect(words('delay: 5ms, jitter: 1ms')).to.contain('rate 100gbit delay 5000us 1000us');
  });

  it('give losses in runs by the chances to enter and to leave one', () => {
    // 2% in runs of 8: leaves with 1/8, enters with 0.02 / 0.98 / 8.
    expect(words('loss: { model: gilbert-elliott, mean: 2%, burst: 8 }')).to.contain(
      'loss gemodel 0.255102% 12.5% 100% 0%',
    );
  });
});
