import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { expectState, type MachineState, machineState } from './machine-state.js';
import { MpipLab, type Running } from './mpip-lab.js';

const TOPOLOGY = fileURLToPath(new URL('../../../lab/topologies/two-paths.yaml', import.meta.url));
const PHONE = fileURLToPath(new URL('../../../lab/topologies/phone.yaml', import.meta.url));
/** Kills and interrupts in the middle of the set-up, each at another moment. */
const MOMENTS = 10;
/** The set-up of a lab takes about so long after its directory has appeared. */
const SET_UP_MS = 150;
/** MPIP_CYCLES=200 for the full proof. */
const CYCLES = Number(process.env.MPIP_CYCLES || 20);
const CYCLE_LIMIT_MS = 15_000;
/** Moments lie between these parts of an undisturbed set-up: before, the command has only loaded itself. */
const UNDER_WAY = 0.15;
const BEYOND = 1.1;
/** What is killed: namespaces and rates alone, mpipd besides, and rulesets, traces by the relay and mpipd behind NATs. */
const KINDS = [[TOPOLOGY, '--no-mpip'], [TOPOLOGY], [PHONE]];

describe('the life of a lab', function () {
  this.timeout(180_000);

  let lab: MpipLab;
  let before: MachineState;

  beforeEach(() => {
    lab = new MpipLab();
    before = machineState(lab.traces);
    expect(before).to.deep.include({ namespaces: [], processes: [], files: [] });
  });

  afterEach(async () => {
    // Whatever a failed test left, and nothing else.
    await lab.run('down', '--all');
    lab[Symbol.dispose]();
  });

  const up = (name: string, ...options: string[]): Running =>
    lab.start('up', TOPOLOGY, '--no-mpip', '--name', name, ...options);

  /** Resolves when the lab has begun to exist, a random moment of its set-up later. */
  const inTheMiddle = async (name: string): Promise<void> => {
    while (!exists(name)) await sleep(1);
    await sleep(Math.random() * SET_UP_MS);
  };

  const exists = (name: string): boolean => {
    try {
      return readdirSync(lab.state).includes(name);
    } catch {
      return false;
    }
  };

  it('begins with up --keep and ends with down, and twice is not once more', async () => {
    const name = lab.newName();
    expect(await up(name, '--keep').ended).to.include({ status: 0, stdout: `${name}\n` });
    expect(machineState(lab.traces).namespaces).to.have.lengthOf(2);
    expect(machineState(lab.traces).processes).to.deep.equal([]);
    expect(await lab.run('exec', name, 'a', '--', 'sh', '-c', 'echo $MPIP_NODE; exit 7')).to.include({
      status: 7,
      stdout: 'a\n',
    });
    expect(JSON.parse((await lab.run('list', '--json')).stdout)).to.have.lengthOf(1);
    expect((await lab.run('down', name)).status).to.equal(0);
    await expectState(before, lab.traces);
    const again = await lab.run('down', name);
    expect(again.status).to.equal(0);
    expect(again.stderr).to.contain(`no lab is named "${name}"`);
  });

  it('refuses a name that is taken and leaves its owner alone', async () => {
    const name = lab.newName();
    await up(name, '--keep').ended;
    const { status, stderr } = await up(name, '--keep').ended;
    expect(status).to.equal(2);
    expect(stderr).to.contain('exists already');
    expect((await lab.run('exec', name, 'a', 'true')).status).to.equal(0);
  });

  it('ends with its command: Ctrl-C in a terminal', async () => {
    const running = up(lab.newName());
    await running.says('is up');
    process.kill(-(running.child.pid as number), 'SIGINT');
    expect((await running.ended).status).to.equal(0);
    await expectState(before, lab.traces);
  });

  it('ends with its command when somebody takes it down', async () => {
    const name = lab.newName();
    const running = up(name);
    await running.says('is up');
    expect((await lab.run('down', name)).status).to.equal(0);
    expect((await running.ended).status).to.equal(0);
    await expectState(before, lab.traces);
  });

  it('ends with its command when that is killed, by the reaper alone', async () => {
    const name = lab.newName();
    const running = up(name);
    await running.says('is up');
    const orphan = lab.start('exec', name, 'a', 'sleep', '1000');
    await waitFor(() => machineState(lab.traces).processes.some((line) => /^\d+ sleep 1000$/.test(line)));
    running.child.kill('SIGKILL');
    await expectState(before, lab.traces);
    await orphan.ended;
  });

  it(`leaves nothing after Ctrl-C, once or twice, at ${MOMENTS} moments of its set-up`, async () => {
    for (let moment = 0; moment < MOMENTS; moment++) {
      const name = lab.newName();
      const running = up(name);
      await inTheMiddle(name);
      const group = -(running.child.pid as number);
      process.kill(group, 'SIGINT');
      if (moment % 2 === 1) process.kill(group, 'SIGINT');
      const { status, stderr } = await running.ended;
      expect(status, stderr).to.be.oneOf([0, 130]);
      // At once, without the reaper's help.
      expect(machineState(lab.traces)).to.deep.equal(before);
    }
  });

  it(`leaves nothing after SIGKILL at ${MOMENTS} moments of its set-up and down --all`, async () => {
    for (let moment = 0; moment < MOMENTS; moment++) {
      const name = lab.newName();
      const running = up(name, ...(moment % 2 === 1 ? ['--keep'] : []));
      await inTheMiddle(name);
      // The whole group or the command alone; a lab that is kept has no reaper that could help.
      running.child.kill('SIGKILL');
      await running.ended;
      expect((await lab.run('down', '--all')).status).to.equal(0);
      await expectState(before, lab.traces);
    }
  });

  it(`leaves the machine as it was after ${CYCLES} cycles of up, SIGKILL at any moment, and down`, async function () {
    this.timeout((CYCLES + KINDS.length) * CYCLE_LIMIT_MS);
    using built = new MpipLab('build');
    const start = machineState(built.traces);
    const begin = (kind: number, keep: boolean): Running => {
      const options = [...(KINDS[kind] as string[]), ...(keep ? ['--keep'] : [])];
      return built.start('up', '--name', built.newName(), ...options);
    };
    try {
      /** From the start of the command until the lab is up, ms. */
      const setUps: number[] = [];
      for (const kind of KINDS.keys()) {
        const since = performance.now();
        const running = begin(kind, false);
        await running.says('is up');
        setUps.push(performance.now() - since);
        running.child.kill('SIGTERM');
        await running.ended;
        await expectState(start, built.traces);
      }
      for (let cycle = 0; cycle < CYCLES; cycle++) {
        const kind = cycle % KINDS.length;
        const running = begin(kind, Math.floor(cycle / KINDS.length) % 2 === 0);
        await sleep((UNDER_WAY + Math.random() * (BEYOND - UNDER_WAY)) * (setUps[kind] ?? 0));
        running.child.kill('SIGKILL');
        await running.ended;
        const down = await built.run('down', '--all');
        expect(down.status, `cycle ${cycle}: ${down.stderr}`).to.equal(0);
        await expectState(start, built.traces);
      }
    } finally {
      await built.run('down', '--all');
    }
  });

  it('leaves nothing when the reaper is killed as well', async () => {
    const running = up(lab.newName());
    await running.says('is up');
    const reaper = machineState(lab.traces).processes.find((line) => line.includes('reaper'));
    process.kill(Number(reaper?.split(' ')[0]), 'SIGKILL');
    running.child.kill('SIGKILL');
    await running.ended;
    expect(machineState(lab.traces).namespaces).to.have.lengthOf(2);
    expect((await lab.run('down', '--all')).status).to.equal(0);
    await expectState(before, lab.traces);
  });

  it('ends what its nodes run, stubborn or not, and what those started', async () => {
    const name = lab.newName();
    await up(name, '--keep').ended;
    const stubborn = lab.start('exec', name, 'a', 'sh', '-c', 'trap "" TERM; setsid sleep 1001 & sleep 1002');
    await waitFor(
      () => machineState(lab.traces).processes.filter((line) => /^\d+ sleep 100[12]$/.test(line)).length === 2,
    );
    expect((await lab.run('down', name)).status).to.equal(0);
    await stubborn.ended;
    await expectState(before, lab.traces);
  });
});

async function waitFor(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it did not come to pass');
    await sleep(20);
  }
}
