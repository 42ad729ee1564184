import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Lab } from '../../../lab/lab.js';
import { daemonOf, livePaths, twoHosts } from './hosts.js';

/** USER_HZ of Linux: what /proc counts CPU time in, on all of its platforms that Node runs on. */
const TICKS_PER_SECOND = 100;
const SECONDS = 10;

/** CPU time of a process with all of its threads, s: fields 14 and 15 of proc_pid_stat(5). */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

describe('idle mpipd', function () {
  this.timeout(60_000);

  it('with live paths to a peer uses less than 1 % of a core', async () => {
    await using lab = await Lab.up(twoHosts());
    await livePaths(lab, 2);
    const daemons = ['a', 'b'].map((name) => daemonOf(lab.node(name)));
    const pids = daemons.map(({ pid }) => pid!);
    const before = pids.map(cpuSeconds);
    await sleep(SECONDS * 1000);
    const shares = pids.map((pid, i) => (cpuSeconds(pid) - before[i]!) / SECONDS);
    for (const share of shares) expect(share).to.be.lessThan(0.01);
    expect(daemons.map(({ pid }) => pid)).to.deep.equal(pids);
    await livePaths(lab, 2);
  });
});
