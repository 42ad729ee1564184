import { backendOf } from '../backend/backends.js';
import type { BackendName, Plan } from '../lab.js';
import { planTree } from '../plan/tree.js';
import { programSteps } from '../running/programs.js';

/** A plan as a tree, then all that would be run, as one could type it. */
export function dryRun(lab: string, plan: Plan, backend: BackendName = plan.backend ?? 'netns'): string {
  return `${planTree(plan)}\n\n${commandsText(lab, plan, backend)}`;
}

function commandsText(lab: string, plan: Plan, backend: BackendName): string {
  const made = backendOf({ backend });
  return [...made.steps(lab, plan), ...programSteps(lab, plan, made)]
    .flatMap(({ title, commands }) => [
      `# ${title}`,
      ...commands.map(({ command, input }) => {
        const line = command.map(quote).join(' ');
        return input.length === 0 ? line : `${line} <<'END'\n${input.join('\n')}\nEND`;
      }),
    ])
    .join('\n');
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
