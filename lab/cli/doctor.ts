import type { Command } from 'commander';
import { examine } from '../doctor/checks.js';
import { findingsTable } from '../doctor/table.js';
import { EXIT_MACHINE } from './exit-status.js';

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('what this machine has and lacks, and how to get it; exit status 3 when no lab can run')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: true }) => {
      const findings = await examine();
      process.stdout.write(`${json ? JSON.stringify(findings, null, 2) : findingsTable(findings)}\n`);
      if (findings.some(({ needed, has }) => needed && !has)) process.exitCode = EXIT_MACHINE;
    });
}
