import { join } from 'node:path';
import { expect } from 'chai';
import { expectPicture, LabRun } from './lab-run.js';

/** The video is more than the paths carry before the end, so that something is on them all the time. The name is this test's own. */
const scenario = (name: string): string => `
topology:
  name: ${name}
  nodes:
    client: { kind: host, mpip: {} }
    proxy: { kind: host, mpip: {} }
    web: { kind: host }
  links:
    path1: { ends: [client:eth0, proxy:eth0], subnet: 10.1.0.0/24, rate: 1mbit }
    path2: { ends: [client:eth1, proxy:eth1], subnet: 10.2.0.0/24, rate: 1mbit }
    back: { ends: [proxy:eth2, web:eth0], subnet: 10.3.0.0/24 }
# Packets over both paths all the time.
arms: [{ name: mpip, label: MPIP, mpip: { scheduler: paper } }]
workloads:
  - name: video
    type: video
    from: client
    to: web
    proxy: proxy
    levels: [{ height: 240, rate: 300kbit }, { height: 360, rate: 900kbit }]
    start: 360
    segment: 1s
    buffer: 60s
    duration: 14s
events:
  - { name: one, at: 8s, node: proxy, rules: [{ source-port: 5201, mode: single-path, paths: { interfaces: [eth0] } }] }
measures:
  - { name: path2-before, mean-of: path2.rate, to: one }
  - { name: path1-after, mean-of: path1.rate, from: 10s }
  - { name: path2-after, mean-of: path2.rate, from: 10s }
claims:
  - mpip.video.fps > 1
  - mpip.video.rate > 200kbit
  - mpip.video.buffer_last > 2s
  - mpip.path2-before > 20kbit
  - mpip.path2-after < 25% * mpip.path1-after
`;

describe('an adaptive video', function () {
  this.timeout(180_000);
  const name = `film${process.pid.toString(36)}`;
  // One for all tests: the second finds the video in the cache of the first.
  let run: LabRun;
  before(async () => {
    run = await LabRun.create(name);
  });
  after(() => run[Symbol.asyncDispose]());

  it('plays through a proxy over both paths, on one when rules say so, and leaves a screenshot and nothing else', async () => {
    const { document, folder } = await run.toItsEnd(scenario(name));
    const { arms, versions, events } = document;
    expect(versions.dashjs).to.match(/^5\./);
    expect(versions.squid).to.match(/^\d+\./);
    expect(events).to.deep.equal([{ at_s: 8, text: 'proxy: rules rule 1' }]);
    expect(arms.mpip!.metrics).to.include({ 'video.errors': 0 });
    expect(arms.mpip!.metrics['video.startup_s']).to.be.within(0.01, 13.9);
    await expectPicture(join(folder, 'mpip-video-client.png'));
    await run.expectNothingLeft();
  });

  it('ends with its browser, its proxy and its origin when the run is killed', async () => {
    const allRun = (commands: readonly string[]) =>
      ['--type=renderer', 'squid -N', 'video/server.ts'].every((part) =>
        commands.some((command) => command.includes(part)),
      );
    const pids = await run.killedWhen(scenario(name), allRun, 'browser, proxy and origin run');
    await run.isGone(pids, /chromium|squid/);
  });
});
