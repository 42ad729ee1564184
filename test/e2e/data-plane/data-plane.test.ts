import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { DEFAULT_CONFIG, type NodeConfig } from '../../../src/core/config.js';
import type { LogLevel } from '../../../src/core/io.js';
import type { DataPlaneOptions } from '../../../src/daemon/daemon.js';
import { DataPlane } from '../../../src/daemon/data-plane/data-plane.js';
import type { DataPlaneStatus } from '../../../src/daemon/data-plane/protocol.js';
import { connect, TestNamespace } from '../steering/namespace.js';
import { needsRoot } from '../steering/needs-root.js';

const POLL_MS = 20;
const PATIENCE_MS = 15_000;

/** A namespace with a data plane in it. */
class Host implements AsyncDisposable {
  readonly namespace = new TestNamespace();
  readonly logged: { level: LogLevel; event: string; fields: Record<string, unknown> }[] = [];
  readonly stateDirectory = mkdtempSync(join(tmpdir(), 'mpip-plane-'));
  plane: DataPlane | undefined;

  /** All of the namespace that a data plane changes. */
  snapshot(): string[] {
    const { namespace } = this;
    const lines = ['link', 'rule', '-6 rule', 'route show table all', '-6 route show table all'].map((line) =>
      namespace.ip(line),
    );
    return [...lines, String(namespace.sysctl('net/ipv4/conf/eth0/rp_filter'))];
  }

  async start(node: Partial<NodeConfig> = {}, changes: Partial<DataPlaneOptions> = {}): Promise<DataPlane> {
    const options: DataPlaneOptions = {
      nodeConfig: { ...DEFAULT_CONFIG, nodeId: new Uint8Array(randomBytes(8)), ...node },
      tunName: 'mpip0',
      mark: 0x6d70,
      table: 6747,
      rulePriority: 670,
      stateDirectory: this.stateDirectory,
      interfaces: { include: [], exclude: [] },
      logLevel: 'debug',
      ...changes,
    };
    // The thread is made within the call and inherits the namespace.
    const plane = await this.namespace.inside(() => DataPlane.start(options));
    plane.onLog((level, event, fields) => this.logged.push({ level, event, fields }));
    this.plane = plane;
    return plane;
  }

  async until(what: string, condition: (status: DataPlaneStatus) => boolean): Promise<DataPlaneStatus> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const status = await (this.plane as DataPlane).status();
      if (condition(status)) return status;
      if (Date.now() > deadline)
        throw new Error(`${what} did not happen: ${JSON.stringify({ status, log: this.logged })}`);
      await sleep(POLL_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.plane?.close().catch(() => {});
    this.namespace[Symbol.dispose]();
    rmSync(this.stateDirectory, { recursive: true, force: true });
  }
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

describe('data plane', function () {
  needsRoot(this);
  let a: Host;
  let b: Host;

  beforeEach(() => {
    a = new Host();
    b = new Host();
    for (const { namespace } of [a, b]) namespace.sysctl('net/ipv4/conf/default/rp_filter', 1);
    connect(a.namespace, b.namespace, 'eth0');
  });

  afterEach(async () => {
    await a[Symbol.asyncDispose]();
    await b[Symbol.asyncDispose]();
  });

  it('changes the host while it runs, and leaves nothing behind', async () => {
    const before = a.snapshot();
    const plane = await a.start();
    const { io, node } = await plane.status();
    expect(io).to.include({ tunReadPackets: 0, wireSendErrors: 0 });
    expect(node).to.have.length(16);
    expect(a.namespace.ip('link show mpip0')).to.include('UP');
    expect(a.namespace.ip('-d link show mpip0')).to.include('gso_max_size 61000');
    expect(a.namespace.ip('rule')).to.include('lookup 6747');
    expect(a.namespace.sysctl('net/ipv4/conf/eth0/rp_filter')).to.equal(2);
    await plane.close();
    await plane.close();
    expect(a.snapshot()).to.deep.equal(before);
  });

  it('answers many questions at once, and refuses those after its end', async () => {
    const plane = await a.start();
    const answers = await Promise.all(Array.from({ length: 20 }, () => plane.status()));
    expect(new Set(answers.map(({ node }) => node)).size).to.equal(1);
    await plane.close();
    expect(await rejection(plane.status())).to.include({ name: 'DataPlaneError', code: 'E_DATA_PLANE' });
  });

  it('does not start where another one runs, says so, and leaves that one alone', async () => {
    await a.start();
    const during = a.snapshot();
    const error = await rejection(a.start());
    expect(error).to.include({ code: 'E_DATA_PLANE', reason: 'E_ALREADY_RUNNING' });
    expect((error as Error).cause).to.include({ name: 'AlreadyRunningError' });
    expect(a.snapshot()).to.deep.equal(during);
  });

  it('undoes everything when it cannot start', async () => {
    a.namespace.ip('tuntap add mode tun name mpip0 multi_queue');
    const before = a.snapshot();
    expect(await rejection(a.start())).to.include({ code: 'E_DATA_PLANE', reason: 'E_SYSTEM' });
    expect(a.snapshot()).to.deep.equal(before);
  });

  it('reports that it failed when its device is deleted, and undoes the rest', async () => {
    const before = a.snapshot();
    const plane = await a.start();
    const failure = new Promise((resolve) => plane.onFailure(resolve));
    a.namespace.ip('link del mpip0');
    expect(await failure).to.include({ code: 'E_DATA_PLANE', reason: 'E_SYSTEM' });
    expect(a.snapshot()).to.deep.equal(before);
    await plane.close();
  });

  it('finds its peer, steers it, and carries a connection in super-packets', async () => {
    await a.start({ peers: ['10.66.0.2'] });
    await b.start();
    await a.until('steering', ({ peers }) => peers.some(({ steered }) => steered.includes('10.66.0.2')));
    await b.until('steering', ({ peers }) => peers.some(({ steered }) => steered.includes('10.66.0.1')));
    const sink = b.namespace.start('../host/tcp-sink.ts');
    await text(sink.stdout, /ready/);
    const bytes = 20_000_000;
    const source = a.namespace.start('../host/tcp-source.ts', '10.66.0.2', String(bytes));
    const [sha256] = await text(source.stdout, /[0-9a-f]{64}/);
    const [received] = await text(sink.stdout, /\{.*\}/);
    expect(JSON.parse(received)).to.deep.equal({ bytes, sha256 });
    const { io } = await a.until('sending', (status) => status.io.wireSentBytes > bytes / 2);
    expect(io.wireSentBytes / io.wireSentMessages).to.be.greaterThan(5000);
    expect(io).to.include({ tunWriteErrors: 0, wireSendErrors: 0, wireSendTooLong: 0, wireReceiveNoSlot: 0 });
  });

  it('uses addresses that come, drops those that go, and never those that are excluded', async () => {
    await a.start({ peers: ['10.66.0.2'] }, { interfaces: { include: [], exclude: ['noth*'] } });
    await b.start();
    const sources = (status: DataPlaneStatus) =>
      [...new Set(status.paths.filter(({ state }) => state === 'live').map(({ source }) => source.address))].sort();
    await a.until('first paths', (status) => sources(status).includes('10.66.0.1'));
    a.namespace.ip('link add nothing type veth peer name nothing2');
    a.namespace.ip('addr add 10.66.0.8/24 dev nothing');
    a.namespace.ip('link set nothing up');
    a.namespace.ip('link set nothing2 up');
    a.namespace.ip('addr add 10.66.0.9/24 dev eth0');
    await a.until('a path from the new address', (status) => sources(status).includes('10.66.0.9'));
    a.namespace.ip('addr del 10.66.0.9/24 dev eth0');
    const status = await a.until('its end', (now) => !sources(now).includes('10.66.0.9'));
    expect(sources(status)).to.include('10.66.0.1').and.not.include('10.66.0.8');
  });

  it('logs from its level on, and less when told so', async () => {
    const plane = await a.start({ peers: ['10.66.0.2'] });
    await b.start();
    await a.until('a record', () => a.logged.length > 0);
    plane.setLogLevel('error');
    await plane.status();
    const before = a.logged.length;
    await b.plane?.close();
    await a.until('the end of the peer', ({ peers }) => peers.every(({ state }) => state !== 'up'));
    expect(a.logged.length).to.equal(before);
  });
});

/** The first match in what a stream brings. */
async function text(stream: Readable, pattern: RegExp): Promise<RegExpExecArray> {
  let all = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    all += chunk;
    const match = pattern.exec(all);
    if (match) return match;
  }
  throw new Error(`the process printed ${JSON.stringify(all)}, not ${pattern}`);
}
