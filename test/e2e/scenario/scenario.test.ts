import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { execa, type Options } from 'execa';
import { findProgram } from '../../../lab/doctor/machine.js';
import { type ResultDocument, ResultDocumentSchema } from '../../../lab/results/document.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Two hosts, two links; names of this test's own. */
const topology = (name: string, rate = '20mbit'): string => `
topology:
  name: ${name}
  nodes:
    a: { kind: host, mpip: {} }
    b: { kind: host, mpip: {} }
  links:
    one:
      ends: [a:eth0, b:eth0]
      subnet: 10.1.0.0/24
      rate: ${rate}
    two: { ends: [a:eth1, b:eth1], subnet: 10.2.0.0/24, rate: 10mbit }
`;

describe('a scenario file', function () {
  this.timeout(60_000);
  const name = `scn${process.pid.toString(36)}`;
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mpip-scenario-'));
    await mkdir(join(directory, 'tmp'));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
    expect(await namespaces(name)).to.deep.equal([]);
  });

  const lab = (words: readonly string[], options: Options = {}) =>
    execa(process.execPath, ['--import', 'tsx', join(ROOT, 'lab/cli/main.ts'), ...words], {
      cwd: ROOT,
      reject: false,
      ...options,
      env: { TMPDIR: join(directory, 'tmp'), MPIP_LAB_STATE: join(directory, 'labs') },
    });
  const write = async (text: string): Promise<string> => {
    const file = join(directory, `${name}.yaml`);
    await writeFile(file, text);
    return file;
  };
  const run = async (text: string, ...words: string[]) => {
    const output = join(directory, 'results');
    const { exitCode, stdout, stderr } = await lab(['run', await write(text), '--output', output, ...words]);
    return { exitCode, stdout: String(stdout), stderr: String(stderr), output: join(output, name) };
  };
  /** Temporary files of the lab; tsx has a cache of its own. */
  const leftovers = async () => (await readdir(join(directory, 'tmp'))).filter((file) => file.startsWith('mpip-'));
  const document = async (folder: string): Promise<ResultDocument> =>
    ResultDocumentSchema.parse(JSON.parse(await readFile(join(folder, 'result.json'), 'utf8')));

  it('runs workloads of all kinds side by side, changes the lab meanwhile, and checks its claims', async () => {
    const junit = join(directory, 'junit.xml');
    const { exitCode, stderr, stdout, output } = await run(
      `${topology(name)}
arms: [ip]
workloads:
  - { name: download, type: iperf3, from: a, to: b, duration: 4s }
  - { name: page, type: http, from: b, to: a, size: 200kb, requests: 6, concurrency: 2, at: 500ms }
  - { name: call, type: udp-echo, from: a, to: b, rate: 160kbit, size: 200b, duration: 4s }
  - { name: path, type: ping, from: a, to: b, interval: 250ms, duration: 4s }
  - { name: probe, type: exec, node: b, at: 3s, json: true, command: 'echo "{\\"marked\\": $(test -e mark && echo true)}"; exit 3' }
events:
  - { at: 1s, node: a, exec: [touch, mark] }
  - { at: 2s, link: one, set: { rate: 5mbit } }
duration: 4s
settle: 2500ms
claims:
  - ip.one.rate within 10% of 5mbit
  - ip.download.goodput > 5mbit
  - { that: ip.page.completed == 6 }
  - ip.page.request_median > 0s
  - ip.call.sent == 400
  - ip.call.loss < 50%
  - ip.path.received > 0
  - ip.probe.marked == 1
  - ip.probe.exit_status == 3
`,
      '--junit',
      junit,
    );
    expect(exitCode, `${stdout}\n${stderr}`).to.equal(0);
    const [time] = await readdir(output);
    const files = await readdir(join(output, time!));
    expect(files.sort()).to.deep.equal(['figure.png', 'figure.svg', 'result.json', 'summary.md', 'topology.svg']);
    const { arms, events } = await document(join(output, time!));
    expect(events!.map(({ at_s, text }) => [at_s, text])).to.deep.equal([
      [1, 'a: mark'],
      [2, 'one rate=5mbit'],
    ]);
    const names = arms.ip!.series.map((series) => series.name);
    expect(names).to.include.members(['one.rate', 'download.goodput', 'page.request', 'call.rtt', 'path.rtt']);
    const page = arms.ip!.series.find((series) => series.name === 'page.request')!;
    expect(Math.min(...page.points.map(([t]) => t)), 'times count from the start of the arm').to.be.greaterThan(0.5);
    expect(await readFile(junit, 'utf8')).to.include('tests="9" failures="0" errors="0"');
    expect(await readFile(join(output, time!, 'summary.md'), 'utf8')).to.include('| pass | `ip.probe.marked == 1` |');
    expect(await leftovers()).to.deep.equal([]);
    expect(await readFile(join(directory, 'mark'), 'utf8')).to.equal('');
  });

  it('sweeps a matrix with labs side by side, repeats, and gives medians with the values of each repetition', async () => {
    const { exitCode, stderr, output } = await run(
      `${topology(name, `\${rate}`)}
arms: [ip]
matrix:
  rate: [4mbit, 8mbit]
workloads:
  - { name: download, type: iperf3, from: a, to: b, duration: 2s }
repeat: 2
claims:
  - least(ip.download.goodput) > 50% * limit
  - ip.download.goodput <= most(ip.download.goodput)
`,
      '--jobs',
      '2',
    );
    expect(exitCode, stderr).to.equal(0);
    const [time] = await readdir(output);
    expect((await readdir(join(output, time!))).sort()).to.deep.equal(['rate=4mbit', 'rate=8mbit', 'summary.md']);
    const [slow, fast] = [
      await document(join(output, time!, 'rate=4mbit')),
      await document(join(output, time!, 'rate=8mbit')),
    ];
    expect(slow.parameters).to.deep.equal({ rate: '4mbit' });
    // Both labs of a moment were measured, each repetition anew, and found right.
    for (const { links } of [slow, fast]) {
      for (const { calibration } of links)
        expect(calibration.map(({ repetition }) => repetition)).to.deep.equal([0, 0, 1, 1]);
    }
    expect(slow.limit_bps).to.be.closeTo(fast.limit_bps! / 2, 1);
    const { metrics, repetitions } = slow.arms.ip!;
    expect(repetitions).to.have.length(2);
    const values = repetitions!.map((each) => each['download.goodput_bps']!);
    expect(metrics['download.goodput_bps']).to.be.closeTo((values[0]! + values[1]!) / 2, 1);
    expect(metrics['download.goodput_bps']).to.be.below(fast.arms.ip!.metrics['download.goodput_bps']!);
    expect(await readFile(join(output, time!, 'summary.md'), 'utf8')).to.match(
      /\| 8mbit \| ip \| \d\.\d\d Mbit\/s \| 2 of 2 \|/,
    );
  });

  it('compares arms with settings of their own, kills and restarts mpipd, and carries MPTCP over both links', async () => {
    const { exitCode, stdout, stderr, output } = await run(
      `${topology(name)}
arms: [{ name: paper, mpip: { scheduler: paper, log: { level: debug } } }, mptcp]
workloads:
  - { name: page, type: http, from: a, to: b, size: 6mb, requests: 2 }
events:
  - { at: 500ms, node: a, mpipd: kill }
  - { at: 1s, node: a, mpipd: start }
claims:
  - paper.page.completed == 2
  - mptcp.page.completed == 2
  - mptcp.page.subflows > 1
  - mptcp.page.goodput > 20mbit
`,
    );
    expect(exitCode, `${stdout}\n${stderr}`).to.equal(0);
    const [time] = await readdir(output);
    const { arms, duration_s } = await document(join(output, time!));
    expect(arms.paper!.limit_bps).to.be.within(27e6, 28e6);
    expect(duration_s).to.be.greaterThan(arms.mptcp!.metrics['page.duration_s']!);
    expect(stderr).to.include('a: mpipd kill').and.include('a: mpipd start');
  });

  it('ends with 1 when a claim does not hold, also one about what was not measured', async () => {
    const { exitCode, stdout } = await run(`${topology(name)}
arms: [ip]
workloads:
  - { name: probe, type: exec, node: a, command: "echo '{}'", json: true }
claims:
  - ip.probe.exit_status == 1
  - ip.probe.answers == 1
`);
    expect(exitCode).to.equal(1);
    expect(stdout).to.include('FAIL  ip.probe.exit_status == 1  (0 against 1)');
    expect(stdout).to.include('FAIL  ip.probe.answers == 1  (ip.probe.answers was not measured)');
  });

  it('fails as a whole, with a JUnit file that says so, when an event fails, and leaves nothing', async () => {
    const junit = join(directory, 'junit.xml');
    const { exitCode, stderr, output } = await run(
      `${topology(name)}
arms: [ip]
workloads:
  - { name: path, type: ping, from: a, to: b, duration: 30s }
events:
  - { at: 200ms, node: a, exec: 'echo broken >&2; exit 7' }
`,
      '--junit',
      junit,
    );
    expect(exitCode).to.equal(1);
    expect(stderr).to.include('failed with exit status 7').and.include('broken');
    expect(await readFile(junit, 'utf8'))
      .to.include('errors="1"')
      .and.include('failed with exit status 7');
    expect(await readdir(output).catch(() => [])).to.deep.equal([]);
    expect(await leftovers()).to.deep.equal([]);
  });

  it('ends with 130 on Ctrl-C while its events wait, and leaves nothing', async () => {
    const file = await write(`${topology(name)}
arms: [ip]
workloads:
  - { name: call, type: udp-echo, from: a, to: b, rate: 100kbit, duration: 60s }
events:
  - { at: 50s, link: one, set: { carrier: down } }
`);
    const running = lab(['run', file, '--output', join(directory, 'results')]);
    running.stderr!.on('data', (text: Buffer) => {
      if (String(text).includes('running call')) running.kill('SIGINT');
    });
    expect((await running).exitCode).to.equal(130);
    expect(await leftovers()).to.deep.equal([]);
  });

  it('ends with 3 and says what to install where a browser or ffmpeg is missing', async () => {
    const text = `${topology(name)}
arms: [ip]
workloads:
  - { name: call, type: webrtc, from: a, to: b, source: detailed, duration: 5s }
`;
    const tools = join(directory, 'bin');
    await mkdir(tools);
    for (const tool of ['ip', 'tc']) await symlink(findProgram(tool)!, join(tools, tool));
    const env = { PATH: tools, MPIP_LAB_STATE: join(directory, 'labs') };
    const words = ['--import', 'tsx', join(ROOT, 'lab/cli/main.ts'), 'run', await write(text)];
    const { exitCode, stderr } = await execa(process.execPath, words, { cwd: ROOT, reject: false, env });
    expect(exitCode, String(stderr)).to.equal(3);
    expect(stderr).to.include('missing: chromium, ffmpeg; get it with: apt-get install chromium ffmpeg');
    expect(await namespaces(name)).to.deep.equal([]);
  });

  it('of containers ends with 3 before anything is made, and says all that is missing and what to type', async () => {
    const text = `${topology(name)}
arms: [ip]
workloads:
  - { name: call, type: webrtc, from: a, to: b, duration: 5s }
`;
    const words = ['--import', 'tsx', join(ROOT, 'lab/cli/main.ts'), 'run', await write(text), '--backend', 'docker'];
    const env = { DOCKER_HOST: 'unix:///no/such/socket', MPIP_LAB_STATE: join(directory, 'labs') };
    const { exitCode, stderr } = await execa(process.execPath, words, { cwd: ROOT, reject: false, env });
    expect(exitCode, String(stderr)).to.equal(3);
    expect(stderr)
      .to.include('no Docker engine answers')
      .and.include('apt-get install --no-install-recommends docker.io')
      .and.include('then: mpip-lab image build')
      .and.include('the image of nodes has no chromium')
      .and.not.include('bringing the lab up');
  });

  it('is refused with 2 before anything is made, and `check` tells it from a topology', async () => {
    const bad = `${topology(name)}
arms: [ip]
workloads:
  - { name: path, type: ping, from: a, to: c, duration: 1s }
`;
    const { exitCode, stderr } = await run(bad);
    expect(exitCode).to.equal(2);
    expect(stderr).to.include(`${name}.yaml:16:44: workloads[0].to: unknown node "c"`);
    const good = join(directory, 'good.yaml');
    await writeFile(good, bad.replace('to: c', 'to: b'));
    const checked = await lab(['check', good, join(directory, `${name}.yaml`), 'lab/topologies/two-paths.yaml']);
    expect(checked.exitCode).to.equal(2);
    expect(checked.stdout).to.include('good.yaml: ok, 1 arms, 1 workloads').and.include('two-paths.yaml: ok, 2 nodes');
    expect(checked.stderr).to.include('unknown node "c"');
  });
});

async function namespaces(prefix: string): Promise<string[]> {
  const { stdout } = await execa('ip', ['netns', 'list']);
  return stdout.split('\n').filter((line) => line.startsWith(prefix));
}
