import { expect } from 'chai';
import type { InterfaceCounters, LabNode } from '../../../../lab/lab.js';
import { every } from '../../../../lab/measure/periodic.js';
import { LinkSampler, type LiveRate } from '../../../../lab/measure/sampler.js';

/** A node whose counters grow by 1000 and 500 bytes with every reading. */
function countingNode(): Pick<LabNode, 'interfaces' | 'counters'> {
  let reads = 0;
  const counters = (name: string, rxBytes: number): InterfaceCounters => ({
    interface: name,
    rxBytes,
    rxPackets: 0,
    txBytes: 0,
    txPackets: 0,
    rxDropped: 0,
    txDropped: 0,
  });
  return {
    interfaces: [
      { name: 'eth0', link: 'path1', addresses: [] },
      { name: 'eth1', link: 'path2', addresses: [] },
    ],
    counters: () => {
      reads++;
      return [counters('mpip0', 1), counters('eth0', 1000 * reads), counters('eth1', 500 * reads)];
    },
  };
}

/** Resolves when `work` has been called `count` times. */
function called(count: number): { work: () => void; done: Promise<void>; calls: () => number } {
  let calls = 0;
  let finish = (): void => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const work = (): void => {
    if (++calls === count) finish();
  };
  return { work, done, calls: () => calls };
}

describe('sampler of interface counters', () => {
  it('reads each link by the interface it ends at, and a last time when it is stopped', async () => {
    const samples: LiveRate[][] = [];
    const { work, done } = called(3);
    const onSample = (live: LiveRate[]): void => {
      samples.push(live);
      work();
    };
    await using sampler = LinkSampler.start(countingNode(), onSample, 1);
    await done;
    await sampler.stop();
    expect(
      sampler
        .of('path1')
        .slice(0, 3)
        .map(({ bytes }) => bytes),
    ).to.deep.equal([1000, 2000, 3000]);
    expect(
      sampler
        .of('path2')
        .slice(0, 3)
        .map(({ bytes }) => bytes),
    ).to.deep.equal([500, 1000, 1500]);
    expect(sampler.of('path1')).to.have.length(samples.length + 1);
    const times = sampler.of('path1').map(({ time }) => time);
    expect(times).to.deep.equal([...times].sort((a, b) => a - b));
    expect(sampler.of('mpip0')).to.deep.equal([]);
  });

  it('shows live rates in the ratio of the counters', async () => {
    const { work, done } = called(4);
    let last: LiveRate[] = [];
    const onSample = (live: LiveRate[]): void => {
      last = live;
      work();
    };
    await using _ = LinkSampler.start(countingNode(), onSample, 1);
    await done;
    expect(last.map(({ link }) => link)).to.deep.equal(['path1', 'path2']);
    expect(last[0]!.rate / last[1]!.rate).to.be.closeTo(2, 1e-9);
  });
});

describe('periodic work', () => {
  it('is never done twice at a time and ends with stop', async () => {
    const { work, done, calls } = called(5);
    let running = 0;
    const periodic = every(1, async () => {
      expect(++running).to.equal(1);
      await new Promise(setImmediate);
      running--;
      work();
    });
    await done;
    await periodic.stop();
    const at = calls();
    await new Promise(setImmediate);
    expect(calls()).to.equal(at);
    expect(running).to.equal(0);
  });

  it('hands on a failure when it is stopped, and does no more work', async () => {
    const { work, done, calls } = called(1);
    const periodic = every(1, () => {
      work();
      throw new Error('no counters');
    });
    await done;
    const failure = await periodic.stop().then(
      () => null,
      (error: Error) => error.message,
    );
    expect(failure).to.equal('no counters');
    expect(calls()).to.equal(1);
  });
});
