import { expect } from 'chai';
import { Lab, parseTopology } from '../../../lab/lab.js';
import { waitUntil } from '../../../lab/running/wait.js';
import { livePaths } from '../mpip/hosts.js';
import { Stream } from '../mpip/stream.js';

/** The phone keeps its cellular interface in reserve; the server is told nothing. */
const TOPOLOGY = parseTopology(
  `
name: reserve
nodes:
  a: { kind: host, mpip: { paths: [{ name: lte, interfaces: ['lte*'], metered: true, backup: true }] } }
  b: { kind: host, mpip: {} }
links:
  wifi: { ends: [a:wlan0, b:eth0], subnet: 10.1.0.0/24, rate: 20mbit }
  lte: { ends: [a:lte0, b:eth1], subnet: 10.2.0.0/24, rate: 20mbit }
`,
  'reserve.yaml',
);
/** Probes and what was under way, bytes. */
const LITTLE = 50_000;
const PATIENCE_MS = 10_000;

describe('backup: paths used only when no other selected path is live', function () {
  this.timeout(60_000);

  for (const [from, to, address] of [
    ['a', 'b', '10.1.0.2'],
    ['b', 'a', '10.1.0.1'],
  ] as const) {
    it(`a transfer from ${from} to ${to} goes over the metered reserve while the other link is down, before and afterwards not`, async () => {
      await using lab = await Lab.up(TOPOLOGY);
      await livePaths(lab, 2);
      await using stream = await Stream.start(lab, { from, to, address });
      const reserve = lab.node(to).interfaces.find(({ link }) => link === 'lte')!.name;
      const counters = () =>
        lab
          .node(to)
          .counters()
          .find((own) => own.interface === reserve)!;
      const onReserve = (): number => counters().rxBytes;
      await stream.flows(3e6);
      expect(onReserve()).to.be.below(LITTLE);
      await lab.link('wifi').set({ carrier: 'down', at: 'a' });
      const before = onReserve();
      await stream.flows(4e6);
      expect(onReserve() - before).to.be.greaterThan(2e6);
      await lab.link('wifi').set({ carrier: 'up' });
      await livePaths(lab, 2);
      const left = await waitUntil(async () => {
        const start = onReserve();
        await stream.flows(1e6);
        return onReserve() - start < LITTLE ? null : `${onReserve() - start} of 1,000,000 bytes on the reserve`;
      }, PATIENCE_MS);
      expect(left).to.equal(null);
      await stream.finish();
    });
  }
});
