import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Lab } from '../../../lab/lab.js';
import type { PathStatus } from '../../../src/core/status.js';
import { daemonOf, statusOf } from '../mpip/hosts.js';
import { Stream } from '../mpip/stream.js';
import { needsRoot } from '../steering/needs-root.js';
import { differentNats, forgetConnections, livePaths, SERVER, usesBothInterfaces } from './networks.js';

const LIFETIME_S = 4;
/** Longest pause of a transfer whose NAT has given all paths other mappings: the packets under way are lost, then one round trip. */
const LONGEST_GAP_MS = 1500;

async function livePathsOf(lab: Lab, node: string): Promise<PathStatus[]> {
  return (await daemonOf(lab.node(node)).status()).paths.filter(({ state }) => state === 'live');
}

const outside = (paths: readonly PathStatus[]) =>
  paths.map(({ destination }) => `${destination.address} ${destination.port}`).sort();

describe('mappings of a NAT', function () {
  needsRoot(this);
  this.timeout(60_000);

  it(`NAT keep-alives inside the mapping lifetime: idle for twice as long, no path was ever lost, and the mappings are the same`, async () => {
    const nat = `, lifetime: ${LIFETIME_S}s`;
    await using lab = await Lab.up(differentNats('symmetric', { nat, mpip: '{ keep-alive: 1s }' }));
    await livePaths(lab, 'client', 2);
    await livePaths(lab, 'server', 2);
    const before = outside(await livePathsOf(lab, 'server'));
    const end = performance.now() + 2000 * LIFETIME_S;
    while (performance.now() < end) {
      for (const node of ['client', 'server']) expect(await livePathsOf(lab, node)).to.have.length(2);
      await sleep(100);
    }
    expect(outside(await livePathsOf(lab, 'server'))).to.deep.equal(before);
  });

  for (const direction of ['up', 'down'] as const) {
    it(`NAT rebinding healed by the next authenticated packet: all mappings change during ${direction === 'up' ? 'an upload' : 'a download'}, no session is lost`, async () => {
      await using lab = await Lab.up(differentNats('symmetric'));
      await livePaths(lab, 'client', 2);
      const [from, to] = direction === 'up' ? ['client', 'server'] : ['server', 'client'];
      const listener = direction === 'up' ? 'receiver' : 'sender';
      await using stream = await Stream.start(lab, { from, to, address: SERVER, listener });
      await usesBothInterfaces(lab, stream, direction);
      const before = outside(await livePathsOf(lab, 'server'));
      for (const router of ['home', 'mobile']) forgetConnections(lab, router);
      await statusOf(lab.node('server'), ({ paths }) => {
        const now = outside(paths.filter(({ state }) => state === 'live'));
        return now.length === 2 && now.every((own) => !before.includes(own))
          ? null
          : `live are ${now}, before ${before}`;
      });
      await usesBothInterfaces(lab, stream, direction);
      const { longestGapMs } = await stream.finish();
      expect(longestGapMs).to.be.lessThan(LONGEST_GAP_MS);
    });
  }
});
