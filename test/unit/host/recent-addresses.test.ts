import { expect } from 'chai';
import { RecentAddresses } from '../../../src/host/sniffer/recent-addresses.js';

describe('recently reported addresses', () => {
  it('are new again when the time is over, counted from their report', () => {
    const recent = new RecentAddresses(10, 1000);
    expect(recent.isNew('10.0.0.1', 0)).to.equal(true);
    expect(recent.isNew('10.0.0.1', 999)).to.equal(false);
    expect(recent.isNew('10.0.0.2', 999)).to.equal(true);
    expect(recent.isNew('10.0.0.1', 1000)).to.equal(true);
    expect(recent.isNew('10.0.0.1', 1999)).to.equal(false);
  });

  it('are bounded: the one reported longest ago is forgotten', () => {
    const recent = new RecentAddresses(2, 1000);
    recent.isNew('a', 0);
    recent.isNew('b', 1);
    expect(recent.isNew('a', 1000)).to.equal(true);
    recent.isNew('c', 1000);
    expect(recent.isNew('a', 1000)).to.equal(false);
    expect(recent.isNew('b', 1000)).to.equal(true);
    expect(recent.isNew('a', 1000)).to.equal(true);
  });
});
