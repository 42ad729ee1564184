import { once } from 'node:events';
import { access, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { execa } from 'execa';
import fc from 'fast-check';
import { ControlClient, ControlError } from '../../../src/daemon/control/client.js';
import type { ControlSource } from '../../../src/daemon/control/connection.js';
import { controlSocketPath, MAX_REQUEST_CHARACTERS } from '../../../src/daemon/control/protocol.js';
import { ControlServer, ControlServerError } from '../../../src/daemon/control/server.js';
import { controlSource } from './control-source.js';
import { status } from './status.fixture.js';

async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  const outcome: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(outcome instanceof Error)) throw new Error('nothing was thrown');
  return outcome;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate();
}

/** A client without manners. */
class RawClient implements Disposable {
  readonly lines: Record<string, unknown>[] = [];
  #rest = '';

  private constructor(readonly socket: Socket) {
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      const parts = (this.#rest + chunk).split('\n');
      this.#rest = parts.pop() as string;
      this.lines.push(...parts.map((line) => JSON.parse(line) as Record<string, unknown>));
    });
    socket.on('error', () => {});
  }

  static async connect(path: string): Promise<RawClient> {
    const socket = connect({ path, allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  async answers(count: number): Promise<Record<string, unknown>[]> {
    await until(() => this.lines.length >= count);
    return this.lines.splice(0, count);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

describe('the control socket', () => {
  let folder: string;
  let path: string;
  let server: ControlServer;
  let asked: number;
  let source: ControlSource;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mpip-control-'));
    path = controlSocketPath(folder);
    asked = 0;
    source = controlSource(async () => {
      asked++;
      return status;
    });
    server = await ControlServer.start(path, { ...source, status: () => source.status() });
  });
  afterEach(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  it('belongs to its owner alone', async () => {
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
  });

  it('answers what a typed client asks', async () => {
    await using client = await ControlClient.connect(path);
    expect(await client.status()).to.deep.equal(status);
    const [nodes, sessions, paths, availability] = await Promise.all([
      client.nodes(),
      client.sessions(),
      client.paths(),
      client.availability(),
    ]);
    expect(nodes).to.deep.equal(status.peers);
    expect(sessions).to.deep.equal(status.sessions);
    expect(paths).to.deep.equal(status.paths);
    expect(availability).to.deep.equal(status.availability);
  });

  it('changes rules, answers with the list that has become of it, and says why it does not', async () => {
    await using client = await ControlClient.connect(path);
    expect(await client.rules()).to.deep.equal([
      { rule: { name: 'default', mode: 'all-paths' }, packets: 4000, bytes: 5_900_000 },
    ]);
    const ssh = { name: 'ssh', port: 22, priority: 'responsiveness' } as const;
    const names = async (listing: Promise<{ rule: { name?: string | undefined } }[]>) =>
      (await listing).map(({ rule }) => rule.name);
    expect(await names(client.addRule(ssh))).to.deep.equal(['ssh', 'default']);
    expect(await names(client.addRule({ ...ssh, name: 'dns', port: 53 }, 'ssh'))).to.deep.equal([
      'dns',
      'ssh',
      'default',
    ]);
    expect((await client.rules())[1]).to.deep.equal({
      rule: { name: 'ssh', port: '22', mode: 'single-path' },
      packets: 12,
      bytes: 1800,
    });
    const refused = await rejection(client.addRule({ ...ssh, name: 'again' }));
    expect(refused).to.include({ code: 'E_RULES' });
    expect(refused.message).to.equal('rule "again": is never reached: "ssh" before it matches all its packets');
    expect(await names(client.removeRule('ssh'))).to.deep.equal(['dns', 'default']);
    expect(await names(client.loadRules([ssh]))).to.deep.equal(['ssh', 'default']);
    expect((await rejection(client.loadRules([ssh, ssh]))).message).to.match(
      /^\[1\]\.name: there is a rule "ssh" already/,
    );
    expect(await names(client.rules())).to.deep.equal(['ssh', 'default']);
  });

  it('refuses parameters of another kind', async () => {
    using client = await RawClient.connect(path);
    for (const request of [
      { method: 'rules-add', params: { before: 'x', rules: [] } },
      { method: 'rules-remove', params: { name: 7 } },
      { method: 'rules-load' },
    ]) {
      client.socket.write(`${JSON.stringify({ id: 1, ...request })}\n`);
      const [answer] = await client.answers(1);
      expect(answer, request.method).to.have.nested.property('error.message').that.is.a('string');
      expect(answer?.error, request.method).to.have.property('code').that.is.oneOf(['E_BAD_REQUEST', 'E_RULES']);
    }
  });

  it('streams snapshots until the client has enough, then asks the data plane no more', async () => {
    const client = await ControlClient.connect(path);
    const seen: number[] = [];
    for await (const snapshot of client.watch({ intervalMs: 50 })) {
      seen.push(snapshot.daemon.pid);
      if (seen.length === 3) break;
    }
    expect(seen).to.deep.equal([4711, 4711, 4711]);
    await using other = await ControlClient.connect(path);
    let own = 0;
    let before = 0;
    // The interval of the first client passes four times between two snapshots of the second one.
    for await (const _ of other.watch({ intervalMs: 200 })) {
      own++;
      if (own === 1) before = asked;
      if (own === 3) break;
    }
    expect(asked - before).to.equal(2);
  });

  it('ends a watch that is aborted while it waits', async () => {
    const client = await ControlClient.connect(path);
    const stop = new AbortController();
    let count = 0;
    for await (const _ of client.watch({ intervalMs: 3_600_000, signal: stop.signal })) {
      count++;
      globalThis.setImmediate(() => stop.abort());
    }
    expect(count).to.equal(1);
  });

  it('says that the data plane does not answer, also in a watch', async () => {
    source = controlSource(() => Promise.reject(new Error('the data plane has stopped')));
    await using client = await ControlClient.connect(path);
    expect(await rejection(client.status())).to.include({
      code: 'E_UNAVAILABLE',
      message: 'the data plane has stopped',
    });
    const watching = (async () => {
      for await (const _ of client.watch({ intervalMs: 100 }));
    })();
    expect(await rejection(watching)).to.include({ code: 'E_UNAVAILABLE' });
  });

  it('fails open requests and watches when it goes away, and later ones too', async () => {
    source = controlSource(() => new Promise(() => {}));
    await using client = await ControlClient.connect(path);
    const open = rejection(client.status());
    const watching = rejection(
      (async () => {
        for await (const _ of client.watch({ intervalMs: 100 }));
      })(),
    );
    await client.request('nodes', 1).catch(() => {});
    await server.close();
    expect(await open).to.include({ code: 'E_DISCONNECTED' });
    expect(await watching).to.include({ code: 'E_DISCONNECTED' });
    expect(await rejection(client.paths())).to.include({ code: 'E_DISCONNECTED' });
  });

  it('keeps a client from waiting for ever', async () => {
    source = controlSource(() => new Promise(() => {}));
    await using client = await ControlClient.connect(path);
    expect(await rejection(client.request('status', 20))).to.include({ code: 'E_TIMEOUT' });
  });

  describe('refuses', () => {
    const wrong: Record<string, [line: string, answer: object]> = {
      'what is not JSON': ['hello', { id: null, code: 'E_BAD_REQUEST' }],
      'what is not an object': ['[1]', { id: null, code: 'E_BAD_REQUEST' }],
      'a request without id': ['{"method":"status"}', { id: null, code: 'E_BAD_REQUEST' }],
      'a request with more': ['{"id":1,"method":"status","x":1}', { id: null, code: 'E_BAD_REQUEST' }],
      'a method that does not exist': ['{"id":7,"method":"stop"}', { id: 7, code: 'E_UNKNOWN_METHOD' }],
      'a method that every object has': ['{"id":7,"method":"constructor"}', { id: 7, code: 'E_UNKNOWN_METHOD' }],
      'an interval that is too short': [
        '{"id":"w","method":"watch","params":{"intervalMs":1}}',
        { id: 'w', code: 'E_BAD_REQUEST' },
      ],
    };
    for (const [what, [line, { id, code }]] of Object.entries(wrong) as [
      string,
      [string, { id: unknown; code: string }],
    ][]) {
      it(`${what}, and goes on`, async () => {
        using client = await RawClient.connect(path);
        client.socket.write(`${line}\n{"id":2,"method":"nodes"}\n`);
        const [refusal, answer] = await client.answers(2);
        expect(refusal?.id).to.equal(id);
        expect((refusal?.error as { code: string } | undefined)?.code).to.equal(code);
        expect(answer).to.deep.equal({ id: 2, result: status.peers });
      });
    }

    it('a line that is too long, and hangs up', async () => {
      using client = await RawClient.connect(path);
      client.socket.write('x'.repeat(MAX_REQUEST_CHARACTERS + 1));
      const [refusal] = await client.answers(1);
      expect((refusal?.error as { code: string } | undefined)?.code).to.equal('E_TOO_LONG');
      await until(() => client.socket.readableEnded);
    });

    it('more clients than it serves, and serves the next one once there is room', async () => {
      const clients = await Promise.all(Array.from({ length: 64 }, () => RawClient.connect(path)));
      const full = await ControlClient.connect(path);
      expect(await rejection(full.status()))
        .to.have.property('code')
        .that.is.oneOf(['E_BUSY', 'E_DISCONNECTED']);
      for (const client of clients) client[Symbol.dispose]();
      let answer: unknown;
      while (!answer) {
        await using client = await ControlClient.connect(path);
        answer = await client.nodes().catch(() => undefined);
      }
      expect(answer).to.deep.equal(status.peers);
    });

    it('a fifth watch of one client', async () => {
      using client = await RawClient.connect(path);
      for (let id = 1; id <= 5; id++)
        client.socket.write(`{"id":${id},"method":"watch","params":{"intervalMs":1000}}\n`);
      const answers = await client.answers(5);
      expect(answers.filter((answer) => 'next' in answer).map(({ id }) => id)).to.have.members([1, 2, 3, 4]);
      expect(answers.find((answer) => 'error' in answer)).to.deep.include({ id: 5 });
    });
  });

  it('reads requests in whatever pieces they arrive', async () => {
    using client = await RawClient.connect(path);
    for (const character of '\n \r\n{"id":"\u00e4","method":"nodes"}\r\n') {
      client.socket.write(character);
      await setImmediate();
    }
    expect(await client.answers(1)).to.deep.equal([{ id: '\u00e4', result: status.peers }]);
  });

  it('answers a client that ends its side after the last request, line end or not', async () => {
    using client = await RawClient.connect(path);
    client.socket.end('{"id":1,"method":"nodes"}\n{"id":2,"method":"paths"}');
    await until(() => client.socket.readableEnded);
    expect(client.lines.map(({ id }) => id)).to.have.members([1, 2]);
  });

  it('ends the watches of a client that ends its side, with a last snapshot for those asked for with it', async () => {
    using client = await RawClient.connect(path);
    client.socket.write('{"id":1,"method":"watch","params":{"intervalMs":50}}\n');
    await client.answers(2);
    client.socket.end('{"id":2,"method":"watch"}');
    await until(() => client.socket.readableEnded);
    expect(client.lines.at(-1)).to.deep.equal({ id: 2, next: status });
  });

  it('outlives clients that vanish with answers on the way', async () => {
    for (let i = 0; i < 20; i++) {
      const client = await RawClient.connect(path);
      client.socket.write('{"id":1,"method":"watch"}\n{"id":2,"method":"status"}\n'.repeat(4));
      if (i % 2 === 0) await setImmediate();
      client.socket.destroy();
    }
    await using client = await ControlClient.connect(path);
    expect(await client.nodes()).to.deep.equal(status.peers);
  });

  it('asks the data plane little for a client that requests and does not read', async () => {
    const big = {
      ...status,
      counters: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`counter${i}`, i])),
    };
    source = controlSource(async () => {
      asked++;
      return big;
    });
    using client = await RawClient.connect(path);
    client.socket.pause();
    const line = '{"id":1,"method":"status"}\n';
    client.socket.write(line.repeat(100));
    client.socket.write('{"id":2,"method":"watch","params":{"intervalMs":50}}\n');
    await using other = await ControlClient.connect(path);
    for (let i = 0; i < 20; i++) await other.status();
    expect(asked).to.be.lessThan(20 + 20);
    client.socket.resume();
    await until(() => client.lines.length >= 101);
    expect(client.lines.filter(({ id }) => id === 1)).to.have.length(100);
  });

  it('answers everyone after any garbage', async () => {
    const line = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.constantFrom(
        '{"id":1,"method":"watch"}',
        '{"id":1,"method":"status","params":[]}',
        '{"id":{},"method":1}',
        '\0\0\0',
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 8 }), fc.boolean(), async (all, hangUp) => {
        using client = await RawClient.connect(path);
        client.socket.write(all.join('\n'));
        if (hangUp) client.socket.end();
        await using other = await ControlClient.connect(path);
        expect(await other.nodes()).to.deep.equal(status.peers);
      }),
      { numRuns: 60, seed: 6747 },
    );
  });

  describe('when it is there already', () => {
    it('and somebody answers, it is left alone', async () => {
      const error = await rejection(ControlServer.start(path, source));
      expect(error).to.be.instanceOf(ControlServerError);
      expect(error.message).to.equal(`cannot listen on ${path}: another process answers there`);
      await using client = await ControlClient.connect(path);
      expect(await client.nodes()).to.deep.equal(status.peers);
    });

    it('and its daemon is dead, it is replaced', async () => {
      const stale = join(folder, 'stale');
      await leaveStale(stale);
      await using _ = await ControlServer.start(stale, source);
      await using client = await ControlClient.connect(stale);
      expect(await client.nodes()).to.deep.equal(status.peers);
    });

    it('and is another kind of file, that is left alone', async () => {
      const file = join(folder, 'file');
      await writeFile(file, 'precious');
      const error = await rejection(ControlServer.start(file, source));
      expect(error).to.be.instanceOf(ControlServerError);
      expect(error.message).to.match(/cannot listen on .*: there is a file that is not a socket/);
      await access(file);
    });
  });

  it('is gone when the server is closed, twice too', async () => {
    await server.close();
    await server.close();
    expect(await readdir(folder)).to.deep.equal([]);
    expect(await rejection(ControlClient.connect(path))).to.include({ code: 'E_NOT_RUNNING' });
  });
});

describe('a control client', () => {
  let folder: string;
  let impostor: Server | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mpip-client-'));
  });
  afterEach(async () => {
    impostor?.close();
    impostor = undefined;
    await rm(folder, { recursive: true });
  });

  it('says that nobody listens', async () => {
    const stale = join(folder, 'stale');
    await leaveStale(stale);
    for (const path of [stale, join(folder, 'none')]) {
      const error = await rejection(ControlClient.connect(path));
      expect(error).to.be.instanceOf(ControlError);
      expect(error).to.include({ code: 'E_NOT_RUNNING', message: `mpipd is not running: nobody listens on ${path}` });
    }
  });

  for (const answer of ['HTTP/1.1 400 Bad Request\r\n\r\n', 'null\n', '{"id":1}\n']) {
    it(`is not taken in by what is no mpipd: ${JSON.stringify(answer)}`, async () => {
      const path = join(folder, 'impostor');
      impostor = createServer((socket) => socket.once('data', () => socket.end(answer))).listen(path);
      await once(impostor, 'listening');
      await using client = await ControlClient.connect(path);
      expect(await rejection(client.status())).to.include({ code: 'E_PROTOCOL' });
    });
  }
});

/** A socket whose process was killed. */
async function leaveStale(path: string): Promise<void> {
  const script = 'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
  await execa(process.execPath, ['-e', script, path], { reject: false });
  expect((await stat(path)).isSocket()).to.equal(true);
}
