// `npm run check`: what a reviewer should not have to look for.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runCaptured } from './process/captured.mjs';
import { isMain } from './process/main.mjs';
import { ROOT } from './setup.mjs';

/** @typedef {{ name: string, script: string, args: readonly string[] }} Check */

const FOLDERS = ['src', 'lab', 'experiments', 'test', 'bench', 'scripts'];

/** @type {readonly Check[]} */
const CHECKS = [
  { name: 'types', script: 'typescript/bin/tsc', args: ['-p', 'tsconfig.json', '--noEmit', '--pretty'] },
  { name: 'types of pages', script: 'typescript/bin/tsc', args: ['-p', 'tsconfig.page.json', '--noEmit', '--pretty'] },
  { name: 'lint and format', script: '@biomejs/biome/bin/biome', args: ['check', '--error-on-warnings', '.'] },
  {
    name: 'layer boundaries',
    script: 'dependency-cruiser/bin/dependency-cruise.mjs',
    args: ['--config', '.dependency-cruiser.cjs', ...FOLDERS.filter((folder) => existsSync(join(ROOT, folder)))],
  },
  { name: 'unused code', script: 'knip/bin/knip.js', args: ['--no-config-hints'] },
];

/**
 * Runs all checks, all the same if one fails, and prints one line each and what the failing ones said.
 * @returns {Promise<{ title: string, message: string }[]>} Those that failed.
 */
export async function runChecks() {
  const outcomes = await Promise.all(
    CHECKS.map(async ({ name, script, args }) => {
      const started = performance.now();
      const { status, output } = await runCaptured(process.execPath, [join(ROOT, 'node_modules', script), ...args], {
        cwd: ROOT,
      });
      const seconds = ((performance.now() - started) / 1_000).toFixed(1);
      console.log(`check: ${name}: ${status === 0 ? 'ok' : 'FAILED'} (${seconds} s)`);
      return { name, ok: status === 0, output: output.trim() };
    }),
  );
  const failures = outcomes.filter(({ ok }) => !ok);
  for (const { name, output } of failures) console.log(`\n-- ${name}\n${output}`);
  return failures.map(({ name }) => ({ title: `check: ${name}`, message: 'see its output above' }));
}

if (isMain(import.meta.url)) {
  const failures = await runChecks();
  process.exitCode = failures.length === 0 ? 0 : 1;
}
