import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { execa } from 'execa';
import { ResultDocumentSchema } from '../../lab/results/document.js';
import { commandLine, entries, pidsIn, processesWith, until } from './machine.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47]);

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
  let directory: string;
  let environment: NodeJS.ProcessEnv;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mpip-call-'));
    await mkdir(join(directory, 'tmp'));
    environment = { TMPDIR: join(directory, 'tmp'), MPIP_LAB_STATE: join(directory, 'labs') };
  });
  afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));

  const words = async (duration: string): Promise<string[]> => {
    const file = join(directory, `${name}.yaml`);
    await writeFile(file, scenario(name, duration));
    const program = ['--import', 'tsx', join(ROOT, 'lab/cli/main.ts')];
    return [...program, 'run', file, '--output', join(directory, 'results')];
  };
  /** Of labs of this test, by what their processes inherit. */
  const processes = () => processesWith(`MPIP_LAB_STATE=${join(directory, 'labs')}`);
  /** Profiles and sockets of browsers, and programs' own files. */
  const temporary = async () =>
    (await readdir(join(directory, 'tmp'))).filter((file) => /^(mpip|playwright|\.?org\.chromium)/.test(file));
  const namespaces = () => entries('/run/netns').filter((file) => file.includes(name));

  it('gets pictures and sound to both sides over both paths, and leaves a screenshot of each and nothing else', async () => {
    const run = await execa(process.execPath, await words('8s'), { cwd: ROOT, reject: false, env: environment });
    expect(run.exitCode, `${run.stdout}\n${run.stderr}`).to.equal(0);
    const parent = join(directory, 'results', name);
    const folder = join(parent, (await readdir(parent))[0]!);
    const { arms, versions } = ResultDocumentSchema.parse(
      JSON.parse(await readFile(join(folder, 'result.json'), 'utf8')),
    );
    expect(versions.chromium).to.match(/^\d+\./);
    expect(arms.mpip!.metrics).to.include({ 'call.forward.width': 320, 'call.backward.height': 240 });
    const delay = arms.mpip!.series.find((series) => series.name === 'call.backward.audio_delay');
    expect(delay?.points.length, 'one-way delays of audio').to.be.greaterThan(5);
    for (const [, value] of delay!.points) expect(value).to.be.greaterThan(0);
    for (const node of ['a', 'b']) {
      const picture = await readFile(join(folder, `mpip-call-${node}.png`));
      expect(picture.subarray(0, 4)).to.deep.equal(PNG);
    }
    expect(processes()).to.deep.equal([]);
    expect(namespaces()).to.deep.equal([]);
    expect(await temporary()).to.deep.equal([]);
  });

  it('ends with its browsers and their profiles when the run is killed', async () => {
    const run: ChildProcess = spawn(process.execPath, await words('60s'), {
      cwd: ROOT,
      stdio: 'ignore',
      env: { ...process.env, ...environment },
    });
    const exited = new Promise((resolve) => run.once('exit', resolve));
    let pids: number[] = [];
    try {
      await until(() => {
        expect(run.exitCode, 'the run goes on').to.equal(null);
        pids = namespaces().flatMap(pidsIn);
        return pids.filter((pid) => commandLine(pid).includes('--type=renderer')).length >= 2;
      }, 'two browsers run');
    } finally {
      run.kill('SIGKILL');
      await exited;
    }
    await until(() => processes().length === 0 && namespaces().length === 0, 'all processes and namespaces are gone');
    // Chromium's children overwrite their environment, by which others are found.
    await until(() => pids.every((pid) => !commandLine(pid).includes('chromium')), 'the browsers are gone');
    await until(() => entries(join(directory, 'labs')).length === 0, 'the files of the lab are gone');
    expect((await temporary()).filter((file) => !file.startsWith('mpip-agent-'))).to.deep.equal([]);
  });
});
