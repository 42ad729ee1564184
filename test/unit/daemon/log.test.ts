import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { LogError, openLog } from '../../../src/daemon/log.js';
import { logLine } from '../../../src/daemon/log-line.js';

describe('the log', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mpip-log-'));
    file = join(folder, 'mpipd.log');
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function read(name = file): Promise<Record<string, unknown>[]> {
    const text = await readFile(name, 'utf8');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  it('is a JSON object a line: time, level, event and fields', async () => {
    await using log = await openLog({ level: 'info', file });
    log.log('warn', 'path is suspect', { path: 3, peer: '10.0.0.2', key: Uint8Array.of(1, 255) });
    const [line] = await read();
    expect(line).to.deep.include({ level: 'warn', event: 'path is suspect', path: 3, peer: '10.0.0.2', key: '01ff' });
    expect(new Date(line?.time as string).getTime()).to.be.closeTo(Date.now(), 60_000);
  });

  it('holds errors with their code', async () => {
    await using log = await openLog({ level: 'info', file });
    log.log('error', 'failed', { error: Object.assign(new Error('no device'), { code: 'E_TUN' }) });
    expect((await read())[0]?.error).to.deep.equal({ code: 'E_TUN', message: 'no device' });
  });

  it('leaves out what is below its level, which can change', async () => {
    await using log = await openLog({ level: 'warn', file });
    log.log('info', 'one');
    log.level = 'debug';
    log.log('debug', 'two');
    log.level = 'error';
    log.log('warn', 'three');
    expect((await read()).map(({ event }) => event)).to.deep.equal(['two']);
  });

  it('goes on in a new file after the old one was moved away', async () => {
    await using log = await openLog({ level: 'info', file });
    log.log('info', 'before');
    await rename(file, `${file}.1`);
    log.reopen();
    log.log('info', 'after');
    expect((await read(`${file}.1`)).map(({ event }) => event)).to.deep.equal(['before']);
    expect((await read()).map(({ event }) => event)).to.deep.equal(['after']);
  });

  it('can be text for people', async () => {
    await using log = await openLog({ level: 'info', format: 'text', file });
    log.log('info', 'path is live', { path: 3, interface: 'eth0' });
    expect(await readFile(file, 'utf8')).to.match(/^\S+Z info {2}path is live path=3 interface=eth0\n$/);
  });

  it('that cannot be written is an error at once', async () => {
    const error: unknown = await openLog({ level: 'info', file: join(folder, 'none', 'x') }).catch(
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(LogError);
    expect((error as Error).message).to.match(/^cannot write the log: ENOENT/);
  });
});

describe('a log line for people', () => {
  it('quotes what would not read as one word', () => {
    const json = JSON.stringify({
      level: 'error',
      time: 'T',
      event: 'e',
      a: 'two words',
      b: '',
      c: 'x=y',
      d: '\u001b[2J',
      e: null,
      f: [1],
    });
    expect(logLine(json)).to.equal('T error e a="two words" b="" c="x=y" d="\\u001b[2J" e=null f=[1]\n');
  });
});
