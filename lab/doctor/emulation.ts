/** What the kernel of this machine can do about links, found by trying. */
import { runForOutput } from '../backend/netns/run-batch.js';
import { LabCommandError, LabMachineError } from '../error.js';
import { chooseEmulators, type KernelEmulation } from '../plan/links.js';
import type { Plan } from '../plan/plan.js';

/** The plan with the emulators that this machine's kernel has, where it has links that need one. Throws LabMachineError when it must have netem and has not. */
export async function forThisMachine(plan: Plan, wanted?: 'netem'): Promise<Plan> {
  if (plan.links.every(({ emulator }) => emulator === 'none' || emulator === 'tbf')) return plan;
  const kernel = await kernelEmulation();
  if (wanted === 'netem' && !kernel.netem) throw new LabMachineError('the kernel of this machine has no netem');
  return chooseEmulators(plan, kernel, wanted);
}

let known: Promise<KernelEmulation> | undefined;

/** Tried once in a process. */
function kernelEmulation(): Promise<KernelEmulation> {
  known ??= tryNetem();
  return known;
}

async function tryNetem(): Promise<KernelEmulation> {
  if ((await tryTc([NETEM])) === undefined) return { netem: false, seededNetem: false };
  // An older kernel takes the seed without a word, but does not tell it.
  const shown = await tryTc([`${NETEM} loss 1% seed 1`, 'qdisc show dev lo']);
  return { netem: true, seededNetem: shown?.includes('seed') ?? false };
}

const NETEM = 'qdisc replace dev lo root netem delay 1ms';

/**
 * Runs lines of tc(8) in a network namespace that has no name and ends with it, so that nothing is left whatever happens to this process.
 * Resolves with what it prints; undefined where that cannot be done.
 */
async function tryTc(lines: readonly string[]): Promise<string | undefined> {
  try {
    return await runForOutput({ command: ['unshare', '--net', 'tc', '-batch', '-'], input: lines });
  } catch (error) {
    if (error instanceof LabCommandError || error instanceof LabMachineError) return undefined;
    throw error;
  }
}
