import { expect } from 'chai';
import { CapacityEstimator } from '../../../src/core/routing/capacity.js';

const MBIT = 1 / 8; // bytes/us
const REPORT_US = 50_000;

/** A path's receiver: delivers at a rate (bytes/us) while every packet waits at least `queuing` us. */
class Receiver {
  private bytes = 0;
  private time = 0;

  constructor(private readonly estimator: CapacityEstimator) {}

  report(count: number, rate: number, queuing: number): void {
    for (let i = 0; i < count; i++) {
      this.bytes += rate * REPORT_US;
      this.time += REPORT_US;
      this.estimator.report(Math.round(this.bytes) >>> 0, this.time | 0, queuing);
    }
  }
}

describe('capacity of a path', () => {
  it('is what arrives while packets queue', () => {
    const estimator = new CapacityEstimator();
    new Receiver(estimator).report(20, 20 * MBIT, 10_000);
    expect(estimator.rate).to.be.closeTo(20 * MBIT, 0.1 * MBIT);
  });

  it('is found for slow paths, too', () => {
    const estimator = new CapacityEstimator();
    new Receiver(estimator).report(20, 0.25 * MBIT, 200_000);
    expect(estimator.rate).to.be.closeTo(0.25 * MBIT, 0.01 * MBIT);
  });

  it('is not that of a few packets, such as acknowledgements, that a busy machine picks up late', () => {
    for (const known of [false, true]) {
      const estimator = new CapacityEstimator();
      const receiver = new Receiver(estimator);
      if (known) receiver.report(20, 20 * MBIT, 10_000);
      const before = estimator.rate;
      for (const late of [1_500, 4_000, 20_000]) receiver.report(100, 0.3 * MBIT, late);
      expect(estimator.rate).to.be.at.least(before);
    }
  });

  it('grows while the queue stays empty and about as much is sent as the path is believed to carry', () => {
    const estimator = new CapacityEstimator();
    const receiver = new Receiver(estimator);
    receiver.report(20, 20 * MBIT, 10_000);
    for (let i = 0; i < 10; i++) receiver.report(1, estimator.rate, 0);
    expect(estimator.rate).to.be.greaterThan(100 * MBIT);
  });

  it('does not grow for want of data: a path of 20 Mbit/s that carries 10 is not flooded at its next use', () => {
    const estimator = new CapacityEstimator();
    const receiver = new Receiver(estimator);
    receiver.report(20, 20 * MBIT, 10_000);
    receiver.report(200, 10 * MBIT, 0);
    expect(estimator.rate).to.be.closeTo(20 * MBIT, 0.1 * MBIT);
  });

  it('grows within seconds where a packet is believed to take long, however little is sent: a path that was slow is found out', () => {
    const estimator = new CapacityEstimator();
    const receiver = new Receiver(estimator);
    receiver.report(20, 0.2 * MBIT, 200_000);
    receiver.report(5_000_000 / REPORT_US, 0.01 * MBIT, 0);
    expect(estimator.rate).to.be.at.least(2 * MBIT);
  });

  it('falls to what arrives at the first queue after it has grown', () => {
    const estimator = new CapacityEstimator();
    const receiver = new Receiver(estimator);
    receiver.report(20, 20 * MBIT, 10_000);
    receiver.report(1, 100 * MBIT, 0);
    expect(estimator.rate).to.be.greaterThan(100 * MBIT);
    receiver.report(2, 20 * MBIT, 10_000);
    expect(estimator.rate).to.be.closeTo(20 * MBIT, 0.1 * MBIT);
  });

  it('is halved by each vain try to get back to what the path carried before', () => {
    const estimator = new CapacityEstimator();
    const receiver = new Receiver(estimator);
    receiver.report(20, 20 * MBIT, 10_000);
    for (let round = 0; round < 4; round++) {
      receiver.report(20, 2 * MBIT, 20_000);
      for (let i = 0; i < 60; i++) estimator.untested(0, 100_000, 0);
    }
    expect(estimator.rate).to.be.below(4 * MBIT);
  });

  it('is tried again later and later while that is in vain, and at once after it was not', () => {
    const estimator = new CapacityEstimator();
    const receiver = new Receiver(estimator);
    /** Intervals until an estimate that is not put to the test grows; then it goes on for a few. */
    const wait = (): number => {
      const before = estimator.rate;
      let intervals = 0;
      for (; estimator.rate === before && intervals < 200; intervals++) estimator.untested(0, 100_000, 0);
      for (let i = 0; i < 3; i++) estimator.untested(0, 100_000, 0);
      return intervals;
    };
    receiver.report(20, 200 * MBIT, 10_000);
    receiver.report(20, 2 * MBIT, 20_000);
    const waits: number[] = [];
    for (let round = 0; round < 5; round++) {
      waits.push(wait());
      receiver.report(20, 2 * MBIT, 20_000);
    }
    expect(waits[0]).to.equal(1);
    for (let i = 1; i < 5; i++) expect(waits[i], `of ${waits}`).to.be.greaterThan(1.5 * waits[i - 1]);
    wait();
    receiver.report(20, 50 * MBIT, 20_000);
    receiver.report(20, 2 * MBIT, 20_000);
    expect(wait()).to.equal(1);
  });

  it('does not grow on a path whose lone packets take as long as it is believed to be slow', () => {
    const estimator = new CapacityEstimator();
    const receiver = new Receiver(estimator);
    receiver.report(20, 0.3 * MBIT, 200_000);
    receiver.report(100, 0.03 * MBIT, 40_000);
    expect(estimator.rate).to.be.closeTo(0.3 * MBIT, 0.01 * MBIT);
  });

  it('begins at a share of the round trip where that is known, so that a burst does not drown a slow path', () => {
    const estimator = new CapacityEstimator();
    estimator.begin(100_000, 1);
    expect(estimator.rate).to.be.within(5 * MBIT, 20 * MBIT);
  });

  it('goes back to what the path has carried before, and no further, while nothing is sent', () => {
    const estimator = new CapacityEstimator();
    const receiver = new Receiver(estimator);
    receiver.report(20, 20 * MBIT, 10_000);
    receiver.report(20, 0.2 * MBIT, 200_000);
    expect(estimator.rate).to.be.below(0.3 * MBIT);
    for (let i = 0; i < 15; i++) estimator.untested(0, 100_000, 50_000);
    expect(estimator.rate).to.be.closeTo(20 * MBIT, MBIT);
    for (let i = 0; i < 50; i++) estimator.untested(0, 100_000, 0);
    expect(estimator.rate).to.be.at.most(20.2 * MBIT);
  });

  it('stays where it is while the path is put to the test', () => {
    const estimator = new CapacityEstimator();
    const receiver = new Receiver(estimator);
    receiver.report(20, 20 * MBIT, 10_000);
    receiver.report(20, 2 * MBIT, 20_000);
    const before = estimator.rate;
    for (let i = 0; i < 20; i++) {
      estimator.untested(before * 100_000, 100_000, 0);
      estimator.untested(3_000, 100_000, 20_000);
    }
    expect(estimator.rate).to.equal(before);
  });
});
