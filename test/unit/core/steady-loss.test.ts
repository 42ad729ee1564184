import { expect } from 'chai';
import { SteadyLoss } from '../../../src/core/routing/steady-loss.js';

const REPORT_US = 50_000;

/** Reports each 50 ms of `packets` sent, of which every `each`th is lost (0 = none). */
function report(loss: SteadyLoss, from: number, count: number, packets: number, each: number): number {
  let now = from;
  for (let i = 0; i < count; i++, now += REPORT_US) {
    const lost = each === 0 ? 0 : Math.floor(packets / each);
    loss.report(packets - lost, lost, false, now);
  }
  return now;
}

describe('steady loss of a path', () => {
  it('is its share within half a second, and none half a second after it ended', () => {
    const loss = new SteadyLoss();
    const lossy = report(loss, report(loss, 0, 40, 200, 0), 10, 200, 20);
    expect(loss.share).to.be.within(0.025, 0.05);
    report(loss, lossy, 10, 200, 0);
    expect(loss.share).to.equal(0);
  });

  it('is not what a queue loses when it overflows now and then', () => {
    const loss = new SteadyLoss();
    let now = 0;
    for (let i = 0; i < 20; i++) {
      now = report(loss, report(loss, now, 20, 200, 0), 3, 200, 4);
      expect(loss.share).to.equal(0);
    }
  });

  it('is not what a queue loses that overflows all the time, nor what is known of it only afterwards', () => {
    const loss = new SteadyLoss();
    let now = 0;
    for (let i = 0; i < 40; i++, now += REPORT_US) loss.report(100, 100, true, now);
    expect(loss.share).to.equal(0);
    report(loss, report(loss, now, 3, 200, 2), 40, 200, 0);
    expect(loss.share).to.equal(0);
  });

  it('fades while nothing can tell whether it has ended, and is none at last', () => {
    const loss = new SteadyLoss();
    report(loss, 0, 40, 200, 20);
    const before = loss.share;
    loss.fade(0.5);
    expect(loss.share).to.equal(before / 2);
    for (let i = 0; i < 10; i++) loss.fade(0.5);
    expect(loss.share).to.equal(0);
  });

  it('is not made of a few packets', () => {
    const loss = new SteadyLoss();
    report(loss, 0, 40, 2, 2);
    expect(loss.share).to.equal(0);
  });
});
