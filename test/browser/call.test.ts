import { join } from 'node:path';
import { expect } from 'chai';
import { expectPicture, LabRun } from './lab-run.js';

/** Two hosts, two links; the name is this test's own. */
const scenario = (name: string, duration: string): string => `
topology:
  name: ${name}
  nodes:
    a: { kind: host, mpip: {} }
    b: { kind: host, mpip: {} }
  links:
    path1: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24, rate: 20mbit }
    path2: { ends: [a:eth1, b:eth1], subnet: 10.2.0.0/24, rate: 20mbit }
# Packets over both paths all the time, however little there is to send.
arms: [{ name: mpip, label: MPIP, mpip: { scheduler: paper } }]
workloads:
  - { name: call, type: webrtc, from: a, to: b, resolution: 320x240, bitrate: { max: 400kbit }, duration: ${duration} }
claims:
  - mpip.call.forward.fps > 1
  - mpip.call.backward.fps > 1
  - mpip.call.forward.audio_lost < 50%
  - mpip.call.backward.audio_lost < 50%
  - mpip.path1.rate > 20kbit
  - mpip.path2.rate > 20kbit
`;

describe('a call between two browsers', function () {
  this.timeout(180_000);
  const name = `call${process.pid.toString(36)}`;
  let run: LabRun;
  beforeEach(async () => {
    run = await LabRun.create(name);
  });
  afterEach(() => run[Symbol.asyncDispose]());

  it('gets pictures and sound to both sides over both paths, and leaves a screenshot of each and nothing else', async () => {
    const { document, folder } = await run.toItsEnd(scenario(name, '8s'));
    const { arms, versions } = document;
    expect(versions.chromium).to.match(/^\d+\./);
    expect(arms.mpip!.metrics).to.include({ 'call.forward.width': 320, 'call.backward.height': 240 });
    const delay = arms.mpip!.series.find((series) => series.name === 'call.backward.audio_delay');
    expect(delay?.points.length, 'one-way delays of audio').to.be.greaterThan(5);
    for (const [, value] of delay!.points) expect(value).to.be.greaterThan(0);
    for (const node of ['a', 'b']) await expectPicture(join(folder, `mpip-call-${node}.png`));
    await run.expectNothingLeft();
  });

  it('ends with its browsers and their profiles when the run is killed', async () => {
    const twoBrowsers = (commands: readonly string[]) =>
      commands.filter((command) => command.includes('--type=renderer')).length >= 2;
    const pids = await run.killedWhen(scenario(name, '60s'), twoBrowsers, 'two browsers run');
    await run.isGone(pids, /chromium/);
    expect((await run.temporary()).filter((file) => !file.startsWith('mpip-agent-'))).to.deep.equal([]);
  });
});
