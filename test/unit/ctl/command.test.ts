import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { runCommand } from '../../../src/ctl/command.js';
import type { Terminal } from '../../../src/ctl/terminal.js';
import { controlSocketPath } from '../../../src/daemon/control/protocol.js';
import { ControlServer } from '../../../src/daemon/control/server.js';
import { controlSource } from '../daemon/control-source.js';
import { status } from '../daemon/status.fixture.js';

const MAIN = fileURLToPath(new URL('../../../src/ctl/main.ts', import.meta.url));

/** Stops once it has been written to `limit` times. */
class RecordingTerminal implements Terminal {
  readonly #stop = new AbortController();
  readonly stop = this.#stop.signal;
  readonly chunks: string[] = [];
  error = '';

  constructor(
    readonly interactive = false,
    private readonly limit = Number.POSITIVE_INFINITY,
    private readonly width = 80,
  ) {}

  get output(): string {
    return this.chunks.join('');
  }

  write(text: string): void {
    if (this.chunks.push(text) >= this.limit) this.#stop.abort();
  }

  writeError(text: string): void {
    this.error += text;
  }

  columns(): number {
    return this.width;
  }

  rows(): number {
    return 12;
  }

  time(): string {
    return '12:00:00';
  }
}

describe('mpipctl', () => {
  let folder: string;
  let server: ControlServer;
  let uptimeMs: number;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mpip-ctl-'));
    const source = controlSource(async () => {
      uptimeMs += 1000;
      const paths = status.paths.map((path) => ({ ...path, sentBytes: path.sentBytes + uptimeMs * 1000 }));
      return { ...status, paths, daemon: { ...status.daemon, uptimeMs } };
    });
    server = await ControlServer.start(controlSocketPath(folder), source);
  });
  beforeEach(() => {
    uptimeMs = 0;
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  async function run(args: string[], terminal = new RecordingTerminal()) {
    const exitCode = await runCommand(args, terminal);
    return { exitCode, output: terminal.output, error: terminal.error };
  }

  for (const [command, first] of Object.entries({
    status: /^node {12}0011223344556677\n/,
    nodes: /^NODE ID {11}IP ADDRESS/,
    sessions: /^DEST NODE ID {6}SESSION ID {2}SRC IP/,
    paths: /^DEST NODE ID {6}SESSIONS {2}PATH ID/,
    availability: /^DEST IP {6}DEST PORT {2}MPIP AVAILABILITY {2}QUERY COUNT\n/,
  })) {
    it(`shows ${command} for people and as JSON`, async () => {
      const text = await run([command, '--state', folder]);
      expect(text).to.include({ exitCode: 0, error: '' });
      expect(text.output).to.match(first);
      const json = await run([command, '--json', '--socket', controlSocketPath(folder)]);
      expect(json).to.include({ exitCode: 0, error: '' });
      const value: unknown = JSON.parse(json.output);
      if (command === 'status') expect(value).to.include({ node: status.node });
      else expect(value).to.have.length(status[command === 'nodes' ? 'peers' : (command as 'paths')].length);
    });
  }

  it('folds a table that is wider than the terminal', async () => {
    const { output } = await run(['paths', '--state', folder], new RecordingTerminal(true, undefined, 100));
    for (const line of output.split('\n')) expect(line.length).to.be.at.most(100);
    expect(output.match(/^DEST NODE ID/gm)).to.have.length.greaterThan(1);
    expect(output).to.include('MAX QUEUING ms').and.to.include('LOSS');
  });

  describe('watch', () => {
    const args = (...more: string[]) =>
      ['watch', '--state', '', '--interval', '0.05', ...more].map((arg) => arg || folder);

    it('draws over itself on a terminal, within its size, and gives the cursor back', async () => {
      const terminal = new RecordingTerminal(true, 4, 100);
      expect((await run(args(), terminal)).exitCode).to.equal(0);
      const [start, ...frames] = terminal.chunks;
      const end = frames.pop();
      expect(start).to.equal('\u001b[?25l\u001b[2J');
      expect(end).to.equal('\u001b[?25h');
      expect(frames).to.have.length(3);
      for (const frame of frames) {
        expect(frame.startsWith('\u001b[H') && frame.endsWith('\u001b[J')).to.equal(true);
        const lines = frame.slice(3, -3).split('\u001b[K\n').slice(0, -1);
        expect(lines).to.have.length.within(5, 11);
        for (const line of lines) expect(line.length).to.be.at.most(100);
      }
    });

    it('prints a line for each path otherwise, with what runs over it since the line before', async () => {
      const { output } = await run(args(), new RecordingTerminal(false, 2));
      const lines = output.trimEnd().split('\n');
      expect(lines).to.have.length(4);
      expect(lines[0]).to.equal(
        '12:00:00 node=a1b2c3d4e5f60718 path=1 10.1.0.1 -> 10.1.0.2 interface=eth0 by=udp state=live delay=7.25ms queuing=2.24ms ' +
          'rtt=10.70ms weight=667 rate=39.80Mbit/s loss=0.12% sending=- receiving=-',
      );
      expect(lines[2]).to.match(/ sending=8\.00Mbit\/s receiving=0\.00Mbit\/s$/);
    });

    it('prints a snapshot a line as JSON', async () => {
      const { output } = await run(args('--json'), new RecordingTerminal(true, 3));
      const snapshots = output
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as typeof status);
      expect(snapshots.map(({ daemon }) => daemon.uptimeMs)).to.deep.equal([1000, 2000, 3000]);
    });

    it('ends with the reader of its output', async () => {
      const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args('--json')], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let error = '';
      child.stderr.on('data', (chunk: Buffer) => {
        error += chunk.toString();
      });
      await once(child.stdout, 'data');
      child.stdout.destroy();
      const [exitCode] = (await once(child, 'close')) as [number];
      expect({ exitCode, error }).to.deep.equal({ exitCode: 0, error: '' });
    });

    it('ends with its daemon, and says so', async () => {
      const other = join(folder, 'other');
      const source = controlSource(async () => status);
      const mortal = await ControlServer.start(other, source);
      const terminal = new RecordingTerminal();
      const watching = run(['watch', '--socket', other], terminal);
      while (terminal.chunks.length === 0) await new Promise((resolve) => setImmediate(resolve));
      await mortal.close();
      expect(await watching).to.include({ exitCode: 1, error: `mpipctl: mpipd closed the connection (${other})\n` });
    });
  });

  describe('rules', () => {
    const rules = (...args: string[]) => run(['rules', ...args, '--state', folder]);
    afterEach(async () => {
      const file = join(folder, 'none.yaml');
      await writeFile(file, 'rules: []\n');
      expect(await rules('load', file)).to.include({ exitCode: 0, error: '' });
    });

    it('are added in YAML or by options, in front of another, listed and removed', async () => {
      expect(
        await rules('add', '{ name: ssh, port: 22, protocol: tcp, length: 0-200, priority: responsiveness }'),
      ).to.include({ exitCode: 0, error: '' });
      const words = '--name voice --dscp 46 --source-port 5000-5100 --mode protected-path --copies 3 --rtt-below 50ms';
      const added = await rules('add', ...words.split(' '), '--interfaces', 'eth0,eth1', '--before', 'ssh');
      expect(added).to.deep.equal({
        exitCode: 0,
        error: '',
        output: [
          'NAME     DEST IP  DEST PORT  PROTOCOL  LENGTH  OTHER                           MODE            PATHS                             REORDER  PACKETS    SENT',
          'voice    *        *          *         *       source-port 5000-5100, dscp ef  protected-path  eth0, eth1, rtt < 50ms, 3 copies  *              0     0 B',
          'ssh      *        22         tcp       0-200   *                               single-path     *                                 *             12  1.8 kB',
          'default  *        *          *         *       *                               all-paths       *                                 *           4000  5.9 MB',
          '',
        ].join('\n'),
      });
      const reserve =
        '--name lte --port 1 --mode selected-paths --paths lte --metered yes --backup no --hold-limit 50ms';
      const withReserve = await rules('add', ...reserve.split(' '));
      expect(withReserve.output).to.match(/selected-paths +lte, metered, no backup +at most 50ms +0 +0 B\n/);
      await rules('remove', 'lte');
      const json = await rules('remove', 'voice', '--json');
      expect(JSON.parse(json.output)).to.deep.equal([
        {
          rule: { name: 'ssh', port: '22', protocol: 'tcp', length: '0-200', mode: 'single-path' },
          packets: 12,
          bytes: 1800,
        },
        { rule: { name: 'default', mode: 'all-paths' }, packets: 4000, bytes: 5_900_000 },
      ]);
      expect((await rules('list')).output).to.equal((await rules('list', '--state', folder)).output);
    });

    it('are not taken when something is wrong, which is shown where it stands', async () => {
      const wrong = await rules('add', '{ port: 22, priorty: throughput }');
      expect(wrong).to.include({ exitCode: 2, output: '' });
      expect(wrong.error).to.match(/^rule:1:13: priorty: unknown key, did you mean "priority"\?.*\n/);
      expect(await rules('add')).to.include({ exitCode: 2, output: '' });
      expect(await rules('add', 'mode: all-paths', '--port', '22')).to.include({ exitCode: 2, output: '' });
      expect(await rules('load', '/nonexistent.yaml')).to.include({ exitCode: 2, output: '' });
      expect(await rules('remove', 'nobody')).to.deep.equal({
        exitCode: 1,
        output: '',
        error: 'mpipctl: there is no rule "nobody"; there are: none\n',
      });
      expect(JSON.parse((await rules('list', '--json')).output)).to.have.lengthOf(1);
    });
  });

  it('says how to start a daemon that does not run', async () => {
    const { exitCode, output, error } = await run(['paths', '--state', '/nonexistent']);
    expect({ exitCode, output }).to.deep.equal({ exitCode: 3, output: '' });
    expect(error).to.equal(
      'mpipctl: mpipd is not running: nobody listens on /nonexistent/control.sock\n' +
        'Start it with: mpipd --config FILE (as root). Another state directory is named with --state DIR.\n',
    );
  });

  it('says that the data plane is not there', async () => {
    const path = join(folder, 'starting');
    await using _ = await ControlServer.start(
      path,
      controlSource(() => Promise.reject(new Error('mpipd is starting'))),
    );
    expect(await run(['status', '--socket', path])).to.deep.equal({
      exitCode: 1,
      output: '',
      error: 'mpipctl: mpipd is starting\n',
    });
  });

  it('refuses wrong usage and helps', async () => {
    for (const args of [
      [],
      ['pahts'],
      ['paths', '--jsn'],
      ['paths', 'x'],
      ['paths', '--socket', 'a', '--state', 'b'],
      ['watch', '--interval', '0'],
    ]) {
      const { exitCode, error } = await run(args);
      expect(exitCode, args.join(' ')).to.equal(2);
      expect(error, args.join(' ')).not.to.equal('');
    }
    expect((await run(['pahts'])).error).to.include('Did you mean paths?');
    const { exitCode, output } = await run(['--help']);
    expect(exitCode).to.equal(0);
    expect(output).to.include('availability').and.to.include('Exit status');
  });
});
