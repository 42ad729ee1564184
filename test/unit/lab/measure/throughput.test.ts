import { expect } from 'chai';
import type { ReceivingLink } from '../../../../lab/measure/links.js';
import type { Reading } from '../../../../lab/measure/rates.js';
import { throughputOf } from '../../../../lab/measure/throughput.js';

const link = (name: string, rateBps: number | null): ReceivingLink => ({
  name,
  at: { node: 'b', interface: 'eth0' },
  senderInterface: 'eth0',
  rateBps,
  queueBytes: null,
  mtu: 1500,
  delayUs: 0,
  emulator: 'tbf' as const,
});

/** Half the rate for two seconds, then all of it, except for one slow second. */
function readings(rateBps: number, slowSecond = -1): Reading[] {
  const list: Reading[] = [{ time: 100, bytes: 0 }];
  for (let tick = 1; tick <= 100; tick++) {
    const second = Math.floor((tick - 1) / 10);
    const share = second === slowSecond ? 0.25 : second < 2 ? 0.5 : 1;
    list.push({ time: 100 + tick / 10, bytes: list.at(-1)!.bytes + (rateBps / 80) * share });
  }
  return list;
}

const WINDOW = { start: 100, end: 110, settled: 105 };

describe('throughput of paths', () => {
  const data = new Map([
    ['path1', readings(40e6)],
    ['path2', readings(20e6, 7)],
  ]);
  const { series, metrics } = throughputOf(
    [link('path1', 40e6), link('path2', 20e6)],
    (name) => data.get(name)!,
    WINDOW,
  );

  it('takes means from when the run has settled, so that the start does not count', () => {
    expect(metrics['path1.rate_bps']).to.be.closeTo(40e6, 1);
    expect(metrics['path2.rate_bps']).to.be.closeTo(0.85 * 20e6, 1);
    expect(metrics['total.rate_bps']).to.be.closeTo(57e6, 1);
  });

  it('tells the slowest second', () => {
    expect(metrics['path2.slowest_rate_bps']).to.be.closeTo(5e6, 1);
  });

  it('puts capacities beside the rates, none for a link without limit', () => {
    expect(metrics['path1.capacity_bps']).to.equal(40e6);
    const free = throughputOf([link('path1', null)], () => data.get('path1')!, WINDOW);
    expect(free.metrics).to.not.have.property('path1.capacity_bps');
  });

  it('gives a series for each path and one for the sum, in bins of half a second', () => {
    expect(series.map(({ name }) => name)).to.deep.equal(['path1.rate', 'path2.rate', 'total.rate']);
    for (const { points } of series) expect(points).to.have.length(20);
    expect(series[2]!.points[0]![1]).to.be.closeTo(30e6, 1);
    expect(series[2]!.points[19]![1]).to.be.closeTo(60e6, 1);
  });
});
