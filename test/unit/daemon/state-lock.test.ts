import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { AlreadyRunningError, StateDirectoryError, StateLock } from '../../../src/daemon/state-lock.js';

describe('the lock of a state directory', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mpip-lock-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is held by one daemon, whose process id the other one reads', async () => {
    using _ = StateLock.acquire(folder);
    expect(await readFile(join(folder, 'mpipd.pid'), 'latin1')).to.equal(`${process.pid}\n`);
    expect(() => StateLock.acquire(folder))
      .to.throw(AlreadyRunningError, `already running with the state directory ${folder} (pid ${process.pid})`)
      .that.has.property('code', 'E_ALREADY_RUNNING');
  });

  it('leaves nothing and can be taken again', async () => {
    for (let i = 0; i < 3; i++) {
      const lock = StateLock.acquire(folder);
      lock[Symbol.dispose]();
      lock[Symbol.dispose]();
      expect(await readdir(folder)).to.deep.equal([]);
    }
  });

  it('is free after its process was killed, whatever the file says', async () => {
    await writeFile(join(folder, 'mpipd.pid'), '12345678901234567890\n');
    using _ = StateLock.acquire(folder);
    expect(await readFile(join(folder, 'mpipd.pid'), 'latin1')).to.equal(`${process.pid}\n`);
  });

  it('does not take away what another process has put in its place', async () => {
    const lock = StateLock.acquire(folder);
    await rm(join(folder, 'mpipd.pid'));
    using _ = StateLock.acquire(folder);
    lock[Symbol.dispose]();
    expect(await readdir(folder)).to.deep.equal(['mpipd.pid']);
  });

  it('makes the directory, and names it when it cannot', async () => {
    using _ = StateLock.acquire(join(folder, 'a', 'b'));
    await writeFile(join(folder, 'file'), '');
    expect(() => StateLock.acquire(join(folder, 'file'))).to.throw(
      StateDirectoryError,
      `state directory ${folder}/file: `,
    );
  });
});
