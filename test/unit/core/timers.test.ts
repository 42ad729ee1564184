import { expect } from 'chai';
import fc from 'fast-check';
import { Timer, TimerQueue } from '../../../src/core/timers.js';

describe('timer queue', () => {
  it('fires in order of time, each once, and not what was cleared', () => {
    const action = fc.record({ timer: fc.nat(9), due: fc.nat(1000), clear: fc.boolean() });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), fc.nat(1000), (actions, until) => {
        const queue = new TimerQueue();
        const fired: number[] = [];
        const timers = Array.from({ length: 10 }, (_, i) => new Timer(() => fired.push(i)));
        const expected = new Map<number, number>();
        for (const { timer, due, clear } of actions) {
          if (clear) {
            queue.clear(timers[timer]);
            expected.delete(timer);
          } else {
            queue.set(timers[timer], due);
            expected.set(timer, due);
          }
        }
        expect(queue.next()).to.equal(Math.min(...expected.values()));
        queue.run(until);
        const due = [...expected].filter(([, at]) => at <= until);
        expect([...fired].sort()).to.deep.equal(due.map(([timer]) => timer).sort());
        expect(fired.map((timer) => expected.get(timer))).to.deep.equal(due.map(([, at]) => at).sort((a, b) => a - b));
      }),
    );
  });

  it('lets a timer set itself again while it fires', () => {
    const queue = new TimerQueue();
    let count = 0;
    const timer: Timer = new Timer((now) => {
      count++;
      queue.set(timer, now + 10);
    });
    queue.set(timer, 5);
    queue.run(5);
    expect(count).to.equal(1);
    expect(queue.next()).to.equal(15);
  });

  it('moves a timer forward but not back with setEarlier', () => {
    const queue = new TimerQueue();
    const timer = new Timer(() => {});
    queue.setEarlier(timer, 10);
    queue.setEarlier(timer, 20);
    expect(timer.due).to.equal(10);
    queue.setEarlier(timer, 5);
    expect(timer.due).to.equal(5);
  });
});
