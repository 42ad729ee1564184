import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { endProcesses } from '../../../../lab/record/end-processes.js';
import { findProcesses, identify, isAlive, lineage, type ProcessIdentity } from '../../../../lab/record/identity.js';

async function start(script: string, env: Record<string, string> = {}): Promise<[ChildProcess, ProcessIdentity]> {
  const child = spawn('sh', ['-c', script], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  const identity = identify(child.pid as number);
  if (!identity) throw new Error('it did not start');
  return [child, identity];
}

describe('processes by pid and start time', () => {
  it('are alive until they end, even when nobody has taken note of that', async () => {
    const [child, identity] = await start('echo; exec sleep 1000');
    expect(isAlive(identity)).to.equal(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isAlive(identity)).to.equal(false);
    expect(identify(identity.pid)).to.equal(undefined);
  });

  it('are not confused with those of another start', () => {
    const own = identify(process.pid) as ProcessIdentity;
    expect(isAlive(own)).to.equal(true);
    expect(isAlive({ ...own, start: own.start + 1 })).to.equal(false);
  });

  it('are found by a marker in their environment, which their children inherit', async () => {
    const marker = `T${process.pid}`;
    const [child] = await start('sleep 1000 & echo; wait', { [marker]: 'yes' });
    const found = findProcesses(`${marker}=yes`, new Set());
    expect(found).to.have.lengthOf(2);
    expect(findProcesses(`${marker}=ye`, new Set())).to.deep.equal([]);
    await endProcesses(() => findProcesses(`${marker}=yes`, new Set()));
    expect(found.some(isAlive)).to.equal(false);
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });

  it('end when they are asked, and those that do not, or are stopped, by force', async function () {
    this.timeout(20_000);
    const [, willing] = await start('echo; exec sleep 1000');
    const [, stubborn] = await start('trap "" TERM; echo; while :; do sleep 0.1; done');
    const [child, stopped] = await start('echo; while :; do sleep 0.1; done');
    child.kill('SIGSTOP');
    const all = [willing, stubborn, stopped];
    await endProcesses(() => all.filter(isAlive));
    expect(all.some(isAlive)).to.equal(false);
  });

  it('spare this process and its ancestors', async () => {
    expect([...lineage()]).to.include.members([process.pid, process.ppid]);
    const [, other] = await start('echo; exec sleep 1000');
    const own = identify(process.pid) as ProcessIdentity;
    let asked = 0;
    await endProcesses(() => {
      asked++;
      return [own, other].filter(isAlive);
    });
    expect(isAlive(other)).to.equal(false);
    expect(asked).to.be.greaterThan(1);
  });
});
