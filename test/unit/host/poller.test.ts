import { expect } from 'chai';
import { Arena } from '../../../src/host/arena.js';
import { monotonicUs } from '../../../src/host/clock.js';
import { Poller } from '../../../src/host/poller.js';
import { POLLIN } from '../../../src/host/syscall/constants.js';
import { Wake } from '../../../src/host/wake.js';

describe('poller', () => {
  let arena: Arena;
  let poller: Poller;
  let wakes: Wake[];
  let served: number[];

  beforeEach(() => {
    arena = Arena.allocate(65_536);
    poller = new Poller(arena);
    served = [];
    wakes = [0, 1, 2].map(() => Wake.create());
    wakes.forEach((wake, i) => {
      poller.add({
        fd: wake.fd,
        ready: (events) => {
          expect(events).to.equal(POLLIN);
          served.push(i);
        },
      });
    });
  });

  afterEach(() => {
    for (const wake of wakes) wake[Symbol.dispose]();
    arena[Symbol.dispose]();
  });

  it('serves what is ready and nothing else', () => {
    wakes[1].signal();
    expect(poller.wait(Number.POSITIVE_INFINITY)).to.equal(1);
    poller.dispatch(0);
    expect(served).to.deep.equal([1]);
    wakes[1].clear();
    expect(poller.wait(0)).to.equal(0);
    poller.dispatch(0);
    expect(served).to.deep.equal([1]);
  });

  it('lets each of the ready ones be first in turn', () => {
    for (const wake of wakes) wake.signal();
    const first = [0, 1, 2].map(() => {
      served = [];
      poller.wait(0);
      poller.dispatch(0);
      expect([...served].sort()).to.deep.equal([0, 1, 2]);
      return served[0];
    });
    expect(first.sort()).to.deep.equal([0, 1, 2]);
  });

  it('waits at least as long as it is told, and not for times that have passed', () => {
    const start = monotonicUs();
    expect(poller.wait(2000.5)).to.equal(0);
    expect(monotonicUs() - start).to.be.at.least(2000);
    expect(poller.wait(-5)).to.equal(0);
  });

  it('forgets what was removed', () => {
    const removed = { fd: wakes[0].fd, ready: () => served.push(99) };
    poller.add(removed);
    poller.remove(removed);
    wakes[0].signal();
    poller.wait(0);
    poller.dispatch(0);
    expect(served).to.deep.equal([0]);
  });

  it('refuses changes while it serves', () => {
    const hasty = { fd: wakes[0].fd, ready: () => poller.remove(hasty) };
    poller.add(hasty);
    wakes[0].signal();
    poller.wait(0);
    expect(() => poller.dispatch(0)).to.throw('changed while it was being served');
  });
});

describe('wake', () => {
  it('counts many signals as one, and works from its other end', () => {
    using wake = Wake.create();
    using arena = Arena.allocate(65_536);
    const other = Wake.attach(wake.fd);
    const poller = new Poller(arena);
    poller.add({ fd: wake.fd, ready: () => {} });
    other.signal();
    other.signal();
    expect(poller.wait(0)).to.equal(1);
    wake.clear();
    expect(poller.wait(0)).to.equal(0);
    other[Symbol.dispose]();
    wake.signal();
    expect(poller.wait(0)).to.equal(1);
  });
});
