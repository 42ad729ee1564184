import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { SetupError } from '../../../scripts/setup/error.mjs';
import { addAdministrationPath, findExecutable } from '../../../scripts/setup/executable.mjs';
import { acquireLock } from '../../../scripts/setup/lock.mjs';
import { requireNode } from '../../../scripts/setup.mjs';
import { TemporaryFolder } from './temporary-folder.js';

describe('the Node that the set-up runs on', () => {
  it('may be the oldest supported release or any newer one', () => {
    for (const version of ['20.12.0', '20.20.2', '22.0.0', '24.1.0']) expect(() => requireNode(version)).not.to.throw();
  });

  it('is refused when older, with both versions in the message and status 3', () => {
    for (const version of ['20.11.1', '18.20.0']) {
      let thrown: unknown;
      try {
        requireNode(version);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).to.be.instanceOf(SetupError);
      const { message, code, exitStatus } = thrown as SetupError;
      expect(message).to.include('20.12').and.to.include(version);
      expect([code, exitStatus]).to.deep.equal(['NODE_TOO_OLD', 3]);
    }
  });
});

describe('commands that the set-up looks for', () => {
  it('are found in administration folders that the PATH lacks, behind the folders that it has', () => {
    const environment = { PATH: '/usr/bin:/opt/own' };
    addAdministrationPath(environment);
    expect(environment.PATH).to.equal('/usr/bin:/opt/own:/usr/local/sbin:/usr/sbin:/sbin');
    addAdministrationPath(environment);
    expect(environment.PATH).to.equal('/usr/bin:/opt/own:/usr/local/sbin:/usr/sbin:/sbin');
  });

  it('are executable files, not folders or data', () => {
    using folder = new TemporaryFolder();
    folder.write('data', '');
    folder.write('folder/file', '');
    expect(findExecutable('data', folder.path)).to.equal(undefined);
    expect(findExecutable('folder', folder.path)).to.equal(undefined);
    expect(findExecutable('sh')).to.match(/\/sh$/);
  });
});

describe('the lock of a checkout’s set-up', () => {
  let folder: TemporaryFolder;
  beforeEach(() => {
    folder = new TemporaryFolder();
  });
  afterEach(() => folder[Symbol.dispose]());

  it('is held by one at a time, and handed on to those who wait', async () => {
    let holders = 0;
    let most = 0;
    let waits = 0;
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        const lock = await acquireLock(folder.path, () => {
          waits += 1;
        });
        holders += 1;
        most = Math.max(most, holders);
        await new Promise((resolve) => setImmediate(resolve));
        holders -= 1;
        await lock.release();
      }),
    );
    expect(most).to.equal(1);
    expect(waits).to.equal(3);
  });

  it('is free for another checkout', async () => {
    using other = new TemporaryFolder();
    const first = await acquireLock(folder.path);
    const second = await acquireLock(other.path, () => expect.fail('waited'));
    await second.release();
    await first.release();
  });

  it('is free again when its holder was killed', async () => {
    const program = `import(${JSON.stringify(new URL('../../../scripts/setup/lock.mjs', import.meta.url).href)})
      .then(({ acquireLock }) => acquireLock(${JSON.stringify(folder.path)}))
      .then(() => process.stdout.write('held'));`;
    const holder = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    let waited = false;
    const lock = await acquireLock(folder.path, () => {
      waited = true;
      holder.kill('SIGKILL');
    });
    expect(waited).to.equal(true);
    await lock.release();
  });
});
