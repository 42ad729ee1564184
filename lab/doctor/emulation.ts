/** What the kernel of this machine can do about links, found by trying. */
import { execa } from 'execa';
import { LabMachineError } from '../error.js';
import { chooseEmulators, type KernelEmulation } from '../plan/links.js';
import type { Plan } from '../plan/plan.js';
import { inScratchNamespace } from './checks.js';

/** The plan with the emulators that this machine's kernel has, where it has links that need one. Throws LabMachineError when it must have netem and has not. */
export async function forThisMachine(plan: Plan, wanted?: 'netem'): Promise<Plan> {
  if (plan.links.every(({ emulator }) => emulator === 'none' || emulator === 'tbf')) return plan;
  const kernel = await kernelEmulation();
  if (wanted === 'netem' && !kernel.netem) throw new LabMachineError('the kernel of this machine has no netem');
  return chooseEmulators(plan, kernel, wanted);
}

let known: Promise<KernelEmulation> | undefined;

/** Tried once in a process. A machine on which nothing can be tried has nothing. */
function kernelEmulation(): Promise<KernelEmulation> {
  known ??= inScratchNamespace(tryNetem).catch(() => ({ netem: false, seededNetem: false }));
  return known;
}

async function tryNetem(namespace: string): Promise<KernelEmulation> {
  const tc = async (...words: string[]): Promise<string | undefined> => {
    const result = await execa('tc', ['-netns', namespace, ...words], {
      reject: false,
      detached: true,
      stdin: 'ignore',
    });
    return result.failed ? undefined : result.stdout;
  };
  const set = (...options: string[]) =>
    tc('qdisc', 'replace', 'dev', 'lo', 'root', 'netem', 'delay', '1ms', ...options);
  if ((await set()) === undefined) return { netem: false, seededNetem: false };
  // An older kernel takes the seed without a word, but does not tell it.
  const seeded = (await set('loss', '1%', 'seed', '1')) !== undefined;
  const shown = seeded ? await tc('qdisc', 'show', 'dev', 'lo') : undefined;
  return { netem: true, seededNetem: shown?.includes('seed') ?? false };
}
