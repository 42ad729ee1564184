import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { execa } from 'execa';
import { ResultDocumentSchema } from '../../../lab/results/document.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

describe('mpip-lab run scale', function () {
  this.timeout(300_000);
  let output: string;

  before(async () => {
    output = await mkdtemp(join(tmpdir(), 'mpip-scale-test-'));
  });

  after(() => rm(output, { recursive: true, force: true }));

  it('finds all paths of hosts with 3 and 2 interfaces within 3 RTT each, and tells throughput and CPU for 1 to 64 sessions', async () => {
    const words = ['run', 'scale', '--arms', 'c3s2', '--duration', '1s', '--json', '--output', output];
    const command = ['dist/lab/cli/main.js', ...words];
    const { stdout, stderr, exitCode } = await execa(process.execPath, command, { cwd: ROOT, reject: false });
    expect(exitCode, `${stderr}\n${stdout}`).to.equal(0);
    const { arms, claims, links } = ResultDocumentSchema.parse(JSON.parse(stdout));
    expect(claims.map(({ text, left }) => [text, left])).to.deep.include([
      'c3s2.paths.found == c3s2.paths.expected',
      6,
    ]);
    const { metrics } = arms.c3s2!;
    // A hand-shake and a probe at least.
    expect(metrics['paths.slowest_rtts']).to.be.within(2, 3);
    for (const sessions of [1, 4, 16, 64]) {
      expect(metrics[`sessions${sessions}.goodput_bps`]).to.be.greaterThan(0);
      expect(metrics[`sessions${sessions}.cpu_per_gbit_s`]).to.be.greaterThan(0);
    }
    // Both directions of the links that the hosts of this arm have.
    expect(links.flatMap(({ calibration }) => calibration)).to.have.length(10);
    const [time] = await readdir(join(output, 'scale'));
    const folder = join(output, 'scale', time!);
    expect(await readFile(join(folder, 'figure.svg'), 'utf8')).to.include('6 of 6 paths');
    expect(await readFile(join(folder, 'topology.svg'), 'utf8')).to.include('>client4<');
  });
});
