import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { LogLevel } from '../../../src/core/io.js';
import type { RoutingRule } from '../../../src/core/routing/rules.js';
import { type DaemonConfig, parseDaemonConfig } from '../../../src/daemon/config.js';
import { ControlClient } from '../../../src/daemon/control/client.js';
import { controlSocketPath } from '../../../src/daemon/control/protocol.js';
import { Daemon, type DataPlaneOptions, type RunningDataPlane } from '../../../src/daemon/daemon.js';
import { AlreadyRunningError } from '../../../src/daemon/state-lock.js';
import { status } from './status.fixture.js';

/** A data plane that only remembers what it is told. */
class RecordingDataPlane implements RunningDataPlane {
  closed = 0;
  level: LogLevel;
  rules: readonly RoutingRule[];
  log: Parameters<RunningDataPlane['onLog']>[0] = () => {};
  fail: (error: Error) => void = () => {};

  constructor(readonly options: DataPlaneOptions) {
    this.level = options.logLevel;
    this.rules = options.nodeConfig.rules;
  }

  async status() {
    const { daemon, ...node } = status;
    return { ...node, io: daemon.io };
  }

  async setRules(rules: readonly RoutingRule[]): Promise<void> {
    this.rules = rules;
  }

  setLogLevel(level: LogLevel): void {
    this.level = level;
  }

  onLog(listener: typeof this.log): void {
    this.log = listener;
  }

  onFailure(listener: (error: Error) => void): void {
    this.fail = listener;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed++;
  }
}

describe('the daemon', () => {
  let folder: string;
  let config: DaemonConfig;
  let dataPlane: RecordingDataPlane;
  const startDataPlane = async (options: DataPlaneOptions): Promise<RunningDataPlane> => {
    dataPlane = new RecordingDataPlane(options);
    return dataPlane;
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mpip-daemon-'));
    const text = `{ state: ${folder}/state, node-id-file: ${folder}/id, secret: s3, port: 7000, log: { file: ${folder}/log } }`;
    config = parseDaemonConfig(text, 'test');
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function events(): Promise<string[]> {
    const text = await readFile(join(folder, 'log'), 'utf8');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { event: string }).event);
  }

  it('starts the data plane with the configuration, the node id and the secret', async () => {
    await using _ = await Daemon.start(config, startDataPlane);
    const { nodeConfig, ...machine } = dataPlane.options;
    expect(nodeConfig.port).to.equal(7000);
    expect(Buffer.from(nodeConfig.secret).toString()).to.equal('s3');
    expect(`${Buffer.from(nodeConfig.nodeId).toString('hex')}\n`).to.equal(
      await readFile(join(folder, 'id'), 'latin1'),
    );
    expect(machine).to.deep.equal({
      tunName: 'mpip0',
      mark: 0x6d70,
      table: 6747,
      rulePriority: 670,
      stateDirectory: join(folder, 'state'),
      interfaces: { include: [], exclude: [] },
      logLevel: 'info',
    });
  });

  it('answers on its control socket with the state of the data plane and its own', async () => {
    await using _ = await Daemon.start(config, startDataPlane);
    await using client = await ControlClient.connect(controlSocketPath(config.stateDirectory));
    const { daemon, ...node } = await client.status();
    const { daemon: fixture, ...expected } = status;
    expect(node).to.deep.equal(expected);
    expect(daemon).to.include({ pid: process.pid, tun: 'mpip0' });
    expect(daemon.version).to.match(/^\d+\.\d+\.\d+$/);
    expect(daemon.io).to.deep.equal(fixture.io);
  });

  it('begins with the rules of its configuration, and tells the data plane what becomes of them', async () => {
    const rules = '[{ name: ssh, port: 22, priority: responsiveness }]';
    config = { ...config, node: parseDaemonConfig(`rules: ${rules}`, 'test').node };
    await using daemon = await Daemon.start(config, startDataPlane);
    const names = () => dataPlane.rules.map(({ name }) => name);
    expect(names()).to.deep.equal(['ssh']);
    await using client = await ControlClient.connect(controlSocketPath(config.stateDirectory));
    const both = [client.addRule({ port: 53, mode: 'all-paths' }), client.addRule({ port: 80, mode: 'all-paths' })];
    await Promise.all(both);
    expect(names()).to.deep.equal(['ssh', 'rule 2', 'rule 3']);
    await client.removeRule('rule 2');
    expect(names()).to.deep.equal(['ssh', 'rule 3']);
    await daemon.setRules([]);
    expect((await client.rules()).map(({ rule }) => rule.name)).to.deep.equal(['default']);
  });

  it('closes the data plane once, and leaves nothing in its state directory', async () => {
    const daemon = await Daemon.start(config, startDataPlane);
    await Promise.all([daemon.close(), daemon.close()]);
    await daemon.close();
    expect(dataPlane.closed).to.equal(1);
    expect(await readdir(config.stateDirectory)).to.deep.equal([]);
    expect(await events()).to.deep.equal(['mpipd runs', 'mpipd stopped']);
  });

  it('does not start twice with one state directory, nor touch the data plane of the first', async () => {
    await using _ = await Daemon.start(config, startDataPlane);
    const first = dataPlane;
    const error: unknown = await Daemon.start(config, startDataPlane).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(AlreadyRunningError);
    expect(dataPlane).to.equal(first);
    expect(first.closed).to.equal(0);
    await using client = await ControlClient.connect(controlSocketPath(config.stateDirectory));
    expect((await client.status()).node).to.equal(status.node);
  });

  it('leaves nothing when the data plane does not start, and says so', async () => {
    const reason = new Error('no such device');
    const error: unknown = await Daemon.start(config, () => Promise.reject(reason)).catch((caught: unknown) => caught);
    expect(error).to.equal(reason);
    expect(await readdir(config.stateDirectory)).to.deep.equal([]);
    expect(await events()).to.deep.equal(['mpipd could not start']);
  });

  it('says that it is starting while it is', async () => {
    let ready = (): void => {};
    const waiting = new Promise<void>((resolve) => {
      ready = resolve;
    });
    let entered = (): void => {};
    const inside = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const starting = Daemon.start(config, async (options) => {
      entered();
      await waiting;
      return startDataPlane(options);
    });
    await inside;
    await using client = await ControlClient.connect(controlSocketPath(config.stateDirectory));
    const error: unknown = await client.status().catch((reason: unknown) => reason);
    expect(error).to.include({ code: 'E_UNAVAILABLE', message: 'mpipd is starting' });
    ready();
    await using _ = await starting;
    expect((await client.status()).node).to.equal(status.node);
  });

  it('logs what the data plane logs, at a level that both follow', async () => {
    await using daemon = await Daemon.start(config, startDataPlane);
    dataPlane.log('debug', 'too fine', {});
    daemon.setLogLevel('debug');
    expect(dataPlane.level).to.equal('debug');
    dataPlane.log('debug', 'path is live', { path: 1 });
    expect(await events()).to.deep.equal(['mpipd runs', 'path is live']);
  });

  it('reports that the data plane has failed', async () => {
    await using daemon = await Daemon.start(config, startDataPlane);
    const reason = new Error('the data plane ended unasked');
    dataPlane.fail(reason);
    expect(await daemon.failure).to.equal(reason);
    expect(await events()).to.deep.equal(['mpipd runs', 'the data plane failed']);
  });
});
