import { expect } from 'chai';
import { MpipSampler } from '../../../../lab/measure/mpip-sampler.js';
import type { PathStatus } from '../../../../src/core/status.js';
import type { DaemonStatus } from '../../../../src/daemon/api.js';

const path = (device: string, weight: number, state: PathStatus['state'], rateBps: number | null): PathStatus =>
  ({ interface: device, weight, state, rateBps }) as PathStatus;

const status = (paths: PathStatus[]): DaemonStatus => ({ paths }) as DaemonStatus;

describe('sampler of mpipd', () => {
  it('follows a value of the live paths of an interface and skips what is unknown', async () => {
    const answers = [
      status([path('eth0', 500, 'live', null), path('eth1', 500, 'live', 20e6)]),
      status([path('eth0', 700, 'live', 40e6), path('eth1', 300, 'dead', 20e6)]),
    ];
    let asked = 0;
    let finish = (): void => {};
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await using sampler = MpipSampler.start(async () => {
      if (++asked === answers.length) finish();
      return answers[Math.min(asked, answers.length) - 1]!;
    }, 1);
    await done;
    await sampler.stop();
    const values = (device: string, value: (p: PathStatus) => number | null) =>
      sampler.over(device, value, 0, Number.POSITIVE_INFINITY).map(([, v]) => v);
    expect(values('eth0', (p) => p.weight).slice(0, 2)).to.deep.equal([500, 700]);
    expect(values('eth1', (p) => p.weight)).to.deep.equal([500]);
    expect(values('eth0', (p) => p.rateBps)[0]).to.equal(40e6);
    expect(sampler.last).to.equal(answers[1]);
  });

  it('gives times since the start of the window and nothing outside', async () => {
    let finish = (): void => {};
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const before = performance.now() / 1000;
    await using sampler = MpipSampler.start(async () => {
      finish();
      return status([path('eth0', 1, 'live', 1)]);
    }, 1);
    await done;
    await sampler.stop();
    const after = performance.now() / 1000;
    const points = sampler.over('eth0', (p) => p.weight, before, after);
    expect(points.length).to.be.greaterThan(0);
    for (const [time] of points) expect(time).to.be.within(0, after - before);
    expect(sampler.over('eth0', (p) => p.weight, after, after + 1)).to.deep.equal([]);
  });
});
