import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { execa } from 'execa';
import { effectiveCapabilities } from '../../../src/daemon/requirements.js';

const MAIN = fileURLToPath(new URL('../../../src/daemon/main.ts', import.meta.url));
/** mpipd with a data plane that does nothing but fail on SIGUSR2. */
const HOLLOW = fileURLToPath(new URL('./hollow-mpipd.ts', import.meta.url));

describe('mpipd', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mpip-command-'));
    file = join(folder, 'mpipd.yaml');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const run = (...args: string[]) => execa(process.execPath, ['--import', 'tsx', MAIN, ...args], { reject: false });

  it('checks a configuration', async () => {
    await writeFile(file, 'scheduler: paper\n');
    const { exitCode, stdout, stderr } = await run('--config', file, '--check');
    expect({ exitCode, stdout, stderr }).to.deep.equal({ exitCode: 0, stdout: `${file}: ok`, stderr: '' });
  });

  it('ends as it should when nobody reads its output any more', async () => {
    const mpipd = execa(process.execPath, ['--import', 'tsx', MAIN, '--help'], {
      reject: false,
      buffer: { stdout: false },
    });
    mpipd.stdout.destroy();
    const { exitCode, stderr } = await mpipd;
    expect({ exitCode, stderr }).to.deep.equal({ exitCode: 0, stderr: '' });
  });

  it('shows what is wrong with a configuration, checked or run', async () => {
    await writeFile(file, 'port: 6747\nschedular: paper\n');
    for (const more of [['--check'], []]) {
      const { exitCode, stdout, stderr } = await run('--config', file, ...more);
      expect({ exitCode, stdout }).to.deep.equal({ exitCode: 2, stdout: '' });
      expect(stderr).to.match(
        /mpipd\.yaml:2:1: schedular: unknown key, did you mean "scheduler"\? allowed: .*\n {2}2 \| schedular: paper\n {4}\| \^{9}$/,
      );
    }
  });

  it('refuses wrong usage', async () => {
    for (const args of [['--confg', file], ['extra'], ['--log-level', 'loud'], ['--config']]) {
      const { exitCode, stderr } = await run(...args);
      expect(exitCode, args.join(' ')).to.equal(2);
      expect(stderr).to.match(/^error: /);
    }
  });

  it('without the right to change the network says what to do', async function () {
    if (process.getuid?.() !== 0) this.skip();
    // Still root, but without the capabilities that a container may not have either.
    const { exitCode, stderr } = await execa(
      'setpriv',
      ['--bounding-set', '-net_admin,-net_raw', process.execPath, '--import', 'tsx', MAIN],
      { reject: false },
    );
    expect(stderr).to.include('run it as root, or with the capabilities CAP_NET_ADMIN and CAP_NET_RAW');
    expect(exitCode).to.equal(3);
  });

  it('reads the capabilities of a process', () => {
    expect(effectiveCapabilities('Name:\tx\nCapPrm:\t0\nCapEff:\t0000000000003000\n')).to.equal(0x3000n);
    expect(effectiveCapabilities('')).to.equal(0n);
  });

  describe('while it runs', () => {
    let child: ChildProcess;
    let output: string;

    beforeEach(async function () {
      if (process.getuid?.() !== 0) this.skip();
      await configure('info');
      child = spawn(process.execPath, ['--import', 'tsx', HOLLOW, '--config', file], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      output = '';
      for (const stream of [child.stdout, child.stderr])
        stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
      await logged('mpipd runs');
    });
    afterEach(() => {
      if (child?.exitCode === null) child.kill('SIGKILL');
    });

    const configure = (level: string, rules = 'rules: []') =>
      writeFile(
        file,
        `{ state: ${folder}/state, node-id-file: ${folder}/id, log: { level: ${level}, file: ${folder}/log }, ${rules} }`,
      );

    async function logged(event: string): Promise<void> {
      while (!(await readFile(join(folder, 'log'), 'utf8').catch(() => '')).includes(`"event":"${event}"`)) {
        if (child.exitCode !== null) throw new Error(`mpipd ended: ${output}`);
        await setTimeout(10);
      }
    }

    async function ended(): Promise<{ exitCode: number | null; left: string[] }> {
      const [exitCode] = child.exitCode === null ? ((await once(child, 'close')) as [number | null]) : [child.exitCode];
      return { exitCode, left: await readdir(join(folder, 'state')) };
    }

    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      it(`closes on ${signal}, silently`, async () => {
        child.kill(signal);
        expect(await ended()).to.deep.equal({ exitCode: 0, left: [] });
        expect(output).to.equal('');
      });
    }

    it('closes and fails when the data plane fails', async () => {
      child.kill('SIGUSR2');
      expect(await ended()).to.deep.equal({ exitCode: 1, left: [] });
      await access(join(folder, 'log'));
      expect(await readFile(join(folder, 'log'), 'utf8')).to.include('"message":"as asked for"');
    });

    it('reads its log level and rules again on SIGHUP, and stays as it is when the file has become wrong', async () => {
      await configure('debug', 'rules: [{ name: ssh, port: 22, priority: responsiveness }]');
      child.kill('SIGHUP');
      await logged('configuration read again');
      await logged('rules set');
      expect(await readFile(join(folder, 'log'), 'utf8')).to.include('"rules":["ssh"]');
      await writeFile(file, 'log: { level: loud }\n');
      child.kill('SIGHUP');
      await logged('the configuration is wrong and was not read again');
      child.kill('SIGTERM');
      expect((await ended()).exitCode).to.equal(0);
    });

    it('refuses a second one', async () => {
      const { exitCode, stderr } = await execa(process.execPath, ['--import', 'tsx', HOLLOW, '--config', file], {
        reject: false,
      });
      expect(exitCode).to.equal(1);
      expect(stderr).to.equal(
        `mpipd: mpipd is already running with the state directory ${folder}/state (pid ${child.pid}): ` +
          'stop it, or name another directory (state:)',
      );
    });
  });
});
