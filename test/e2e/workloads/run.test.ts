import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { execa, type Options } from 'execa';
import { ResultDocumentSchema } from '../../../lab/results/document.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

describe('mpip-lab run', function () {
  this.timeout(60_000);
  let output: string;
  let state: string;
  beforeEach(async () => {
    output = await mkdtemp(join(tmpdir(), 'mpip-run-results-'));
    state = await mkdtemp(join(tmpdir(), 'mpip-run-tmp-'));
  });
  afterEach(async () => {
    await rm(output, { recursive: true, force: true });
    await rm(state, { recursive: true, force: true });
  });

  const run = (args: readonly string[], options: Options = {}) =>
    execa(process.execPath, ['--import', 'tsx', 'lab/cli/main.ts', 'run', ...args, '--output', output], {
      cwd: ROOT,
      reject: false,
      ...options,
      env: { TMPDIR: state, ...options.env },
    });

  it('prints the result document alone with --json, stores the same, and leaves nothing in temporary folders', async () => {
    const { stdout, stderr, exitCode } = await run(['fig4a', '--arms', 'ip', '--duration', '2s', '--json']);
    expect(exitCode, String(stderr)).to.equal(0);
    const document = ResultDocumentSchema.parse(JSON.parse(String(stdout)));
    expect(Object.keys(document.arms)).to.deep.equal(['ip']);
    expect(document.arms.ip!.metrics['path1.rate_bps']).to.be.within(30e6, 41e6);
    expect(document.arms.ip!.metrics['path2.rate_bps']).to.be.below(0.1e6);
    expect(document.unchecked_claims).to.not.deep.equal([]);
    const [time] = await readdir(join(output, 'fig4a'));
    const folder = join(output, 'fig4a', time!);
    expect((await readdir(folder)).sort()).to.deep.equal(['figure.png', 'figure.svg', 'result.json', 'topology.svg']);
    const report = await readFile(join(output, 'report.html'), 'utf8');
    expect(report).to.include(`fig4a/${time}`).and.include(document.title);
    expect(JSON.parse(await readFile(join(folder, 'result.json'), 'utf8'))).to.deep.equal(document);
    expect((await readdir(state)).filter((name) => name.startsWith('mpip-'))).to.deep.equal([]);
  });

  it('repeats, and sums up with median and spread', async () => {
    const { stdout, exitCode } = await run(['fig4a', '--arms', 'ip', '--duration', '1s', '--repeat', '2']);
    expect(exitCode).to.equal(0);
    expect(stdout)
      .to.include('2 runs of fig4a')
      .and.match(/ip\.download\.goodput_bps +\d/);
    expect(await readdir(join(output, 'fig4a'))).to.have.length(2);
  });

  it('ends with 130 on Ctrl-C in the middle, without a result and without its namespaces', async () => {
    const before = await namespaces();
    const running = run(['fig4a', '--arms', 'mptcp', '--duration', '30s']);
    running.stderr!.on('data', (text: Buffer) => {
      if (String(text).includes('running download')) running.kill('SIGINT');
    });
    const { exitCode, stderr } = await running;
    expect(exitCode).to.equal(130);
    expect(stderr).to.include('ended by SIGINT');
    expect(
      (await namespaces()).filter((name) => name.startsWith('two-paths-') && !before.includes(name)),
    ).to.deep.equal([]);
    expect(await readdir(output)).to.deep.equal([]);
    expect((await readdir(state)).filter((name) => name.startsWith('mpip-'))).to.deep.equal([]);
  });

  it('ends with 2 for an experiment, an arm or a duration that does not exist', async () => {
    for (const [args, message] of [
      [['fig99'], 'there is no experiment fig99; there are fig4a'],
      [['fig4a', '--arms', 'ip,quic'], 'fig4a has no arm quic; it has ip, mpip, mptcp'],
      [['fig4a', '--duration', '1.5s'], 'whole seconds'],
    ] as const) {
      const { exitCode, stderr, stdout } = await run(args);
      expect(exitCode, message).to.equal(2);
      expect(stderr).to.include(message);
      expect(stdout).to.equal('');
    }
  });

  it('ends with 3 where programs are missing, and says how to get them', async () => {
    const { exitCode, stderr } = await run(['fig4a'], { env: { PATH: '/nonexistent' } });
    expect(exitCode).to.equal(3);
    expect(stderr).to.include('iperf3').and.include('mptcpize').and.include('apt-get install');
  });
});

async function namespaces(): Promise<string[]> {
  const { stdout } = await execa('ip', ['netns', 'list']);
  return stdout.split('\n').map((line) => line.split(' ')[0]!);
}
