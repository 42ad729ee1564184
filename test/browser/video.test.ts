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
  let directory: string;
  let environment: NodeJS.ProcessEnv;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mpip-video-'));
    await mkdir(join(directory, 'tmp'));
    environment = {
      TMPDIR: join(directory, 'tmp'),
      MPIP_LAB_STATE: join(directory, 'labs'),
      XDG_CACHE_HOME: join(directory, 'cache'),
    };
    await writeFile(join(directory, `${name}.yaml`), scenario(name));
  });
  after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));

  const words = (): string[] => {
    const program = ['--import', 'tsx', join(ROOT, 'lab/cli/main.ts')];
    return [...program, 'run', join(directory, `${name}.yaml`), '--output', join(directory, 'results')];
  };
  const processes = () => processesWith(`MPIP_LAB_STATE=${join(directory, 'labs')}`);
  const temporary = async () =>
    (await readdir(join(directory, 'tmp'))).filter((file) => /^(mpip|playwright|\.?org\.chromium)/.test(file));
  const namespaces = () => entries('/run/netns').filter((file) => file.includes(name));

  it('plays through a proxy over both paths, on one when rules say so, and leaves a screenshot and nothing else', async () => {
    const run = await execa(process.execPath, words(), { cwd: ROOT, reject: false, env: environment });
    expect(run.exitCode, `${run.stdout}\n${run.stderr}`).to.equal(0);
    const parent = join(directory, 'results', name);
    const folder = join(parent, (await readdir(parent))[0]!);
    const { arms, versions, events } = ResultDocumentSchema.parse(
      JSON.parse(await readFile(join(folder, 'result.json'), 'utf8')),
    );
    expect(versions.dashjs).to.match(/^5\./);
    expect(versions.squid).to.match(/^\d+\./);
    expect(events).to.deep.equal([{ at_s: 8, text: 'proxy: rules rule 1' }]);
    expect(arms.mpip!.metrics).to.include({ 'video.errors': 0 });
    expect(arms.mpip!.metrics['video.startup_s']).to.be.within(0.01, 13.9);
    const picture = await readFile(join(folder, 'mpip-video-client.png'));
    expect(picture.subarray(0, 4)).to.deep.equal(PNG);
    expect(processes()).to.deep.equal([]);
    expect(namespaces()).to.deep.equal([]);
    expect(await temporary()).to.deep.equal([]);
  });

  it('ends with its browser, its proxy and its origin when the run is killed', async () => {
    const run: ChildProcess = spawn(process.execPath, words(), {
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
        const commands = pids.map(commandLine);
        return ['--type=renderer', 'squid -N', 'video/server.ts'].every((part) =>
          commands.some((command) => command.includes(part)),
        );
      }, 'browser, proxy and origin run');
    } finally {
      run.kill('SIGKILL');
      await exited;
    }
    await until(() => processes().length === 0 && namespaces().length === 0, 'all processes and namespaces are gone');
    // Chromium's children overwrite their environment, by which others are found.
    await until(() => pids.every((pid) => !/chromium|squid/.test(commandLine(pid))), 'browser and proxy are gone');
    await until(() => entries(join(directory, 'labs')).length === 0, 'the files of the lab are gone');
  });
});
