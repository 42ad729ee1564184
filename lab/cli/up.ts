import type { Command } from 'commander';
import { forThisMachine } from '../doctor/emulation.js';
import type { BackendName } from '../lab.js';
import { makePlan, withoutMpip } from '../plan/make.js';
import { Lab } from '../running/lab.js';
import { readTopology } from '../topology/read.js';
import { backendOption } from './backend-option.js';
import { dryRun } from './dry-run.js';
import { aborted, interruptible } from './signals.js';

interface UpFlags {
  readonly keep?: true;
  readonly name?: string;
  readonly backend?: BackendName;
  readonly dryRun?: true;
  readonly mpip: boolean;
  readonly wait: boolean;
}

export function registerUp(program: Command): void {
  program
    .command('up')
    .description('make the lab of a topology; it ends with this command unless it is kept')
    .argument('<file...>', 'topology, such as lab/topologies/two-paths.yaml, and what lies over it')
    .option('--keep', 'leave the lab running; `mpip-lab down` ends it')
    .option('--name <name>', "name of the lab; default: the topology's and a random suffix")
    .addOption(backendOption())
    .option('--no-mpip', 'plain hosts: start no mpipd')
    .option('--no-wait', 'do not wait until all MPIP paths are live')
    .option('--dry-run', 'show the plan and the commands, and make nothing')
    .action((files: [string, ...string[]], flags: UpFlags) => up(files, flags));
}

async function up(files: [string, ...string[]], flags: UpFlags): Promise<void> {
  const whole = makePlan(await readTopology(files));
  const plan = flags.mpip ? whole : withoutMpip(whole);
  if (flags.dryRun) {
    const here = await forThisMachine(plan);
    process.stdout.write(`${dryRun(flags.name ?? plan.topology, here, flags.backend)}\n`);
    return;
  }
  const start = performance.now();
  await interruptible(async (signal) => {
    const lab = await Lab.up(plan, {
      signal,
      keep: flags.keep ?? false,
      waitForPaths: flags.wait,
      onStep: ({ title, durationMs }) =>
        process.stderr.write(`${title.padEnd(16)} ${durationMs.toFixed(0).padStart(6)} ms\n`),
      ...(flags.name !== undefined && { name: flags.name }),
      ...(flags.backend !== undefined && { backend: flags.backend }),
    });
    const took = `${((performance.now() - start) / 1000).toFixed(2)} s`;
    process.stdout.write(`${lab.name}\n`);
    if (flags.keep) {
      process.stderr.write(`lab ${lab.name} is up (${took}); mpip-lab down ${lab.name} ends it\n`);
      await lab.release();
      return;
    }
    process.stderr.write(`lab ${lab.name} is up (${took}); Ctrl-C ends it\n`);
    // Neither of the two keeps a process alive.
    const alive = setInterval(() => {}, 60_000);
    await Promise.race([aborted(signal), lab.gone]);
    clearInterval(alive);
    await lab.down();
    process.stderr.write(`lab ${lab.name} is down\n`);
  });
}
