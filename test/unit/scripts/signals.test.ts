import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { shellStatus } from '../../../scripts/process/group.mjs';
import { TemporaryFolder } from './temporary-folder.js';

const GROUP = JSON.stringify(new URL('../../../scripts/process/group.mjs', import.meta.url).href);

describe('signals to npm start', () => {
  let folder: TemporaryFolder;
  beforeEach(() => {
    folder = new TemporaryFolder();
  });
  afterEach(() => folder[Symbol.dispose]());

  /** A parent like scripts/start.mjs around a child that prints the signals it gets and needs time to clean up. */
  function startParent(): { parent: ChildProcess; lines: AsyncIterator<string> } {
    const child = folder.write(
      'child.mjs',
      `setInterval(() => {}, 1000);
       process.on('SIGINT', () => {
         console.log('SIGINT');
         setTimeout(() => { console.log('clean'); process.exit(5); }, 200);
       });
       console.log('ready');`,
    );
    const parent = folder.write(
      'parent.mjs',
      `import { relaySignals, shellStatus, startGroup } from ${GROUP};
       const child = startGroup(process.execPath, [${JSON.stringify(child)}], { stdio: 'inherit' });
       relaySignals(child.signalLeader);
       process.exitCode = shellStatus(await child.ended);`,
    );
    // Leads a group, as under a terminal's job control, so that a signal to the group is what Ctrl-C is.
    const started = spawn(process.execPath, [parent], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    return { parent: started, lines: createInterface({ input: started.stdout })[Symbol.asyncIterator]() };
  }

  it('reach the experiment once, though the terminal and npm both send them, and its clean-up and status are awaited', async () => {
    const { parent, lines } = startParent();
    expect((await lines.next()).value).to.equal('ready');
    const exit = once(parent, 'exit');
    process.kill(-(parent.pid as number), 'SIGINT');
    expect((await lines.next()).value).to.equal('SIGINT');
    parent.kill('SIGINT');
    expect((await lines.next()).value).to.equal('clean');
    expect(await exit).to.deep.equal([5, null]);
    expect((await lines.next()).done).to.equal(true);
  });
});

describe('the exit status of an ended process', () => {
  it('is what a shell reports', () => {
    expect(shellStatus({ status: 3, signal: null })).to.equal(3);
    expect(shellStatus({ status: null, signal: 'SIGINT' })).to.equal(130);
    expect(shellStatus({ status: null, signal: null, error: new Error('no such file') })).to.equal(127);
  });
});
