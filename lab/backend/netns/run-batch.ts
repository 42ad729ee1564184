import { spawn } from 'node:child_process';
import { LabCommandError, LabMachineError } from '../../error.js';
import type { BackendCommand } from '../backend.js';

/**
 * Runs one command of the backend to its end, whatever signals a terminal sends meanwhile (it has a session of its own).
 * `environment` marks it as the lab's. Throws LabCommandError with the line that failed.
 */
export async function runBatch(command: BackendCommand, environment: Record<string, string> = {}): Promise<void> {
  await runForOutput(command, environment);
}

/** The same; resolves with what it prints. */
export function runForOutput(
  { command, input }: BackendCommand,
  environment: Record<string, string> = {},
): Promise<string> {
  const [program = '', ...rest] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, {
      detached: true,
      env: { ...process.env, ...environment, LC_ALL: 'C' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') return reject(error);
      return reject(
        new LabMachineError(`${program} is not installed; run: apt-get install iproute2`, { cause: error }),
      );
    });
    child.on('close', (exitCode, signal) => {
      if (exitCode === 0) return resolve(stdout);
      const failure = { exitCode: exitCode ?? undefined, signal: signal ?? undefined, stderr: explain(stderr, input) };
      return reject(new LabCommandError({ command, ...failure }));
    });
    // The command's exit status tells more than a pipe that it no longer reads.
    child.stdin.on('error', () => {});
    child.stdin.end(input.map((line) => `${line}\n`).join(''));
  });
}

/** "Command failed -:3" with the third line beside it. */
function explain(stderr: string, input: readonly string[]): string {
  return stderr.replace(/^Command failed -:(\d+)$/gm, (text, line) => `${text}: ${input[Number(line) - 1] ?? ''}`);
}
