/** Commands inside a network namespace, as processes of this machine. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { LabCommandError } from '../../error.js';
import { packageRoot } from '../../package-root.js';
import type { NodeCommand, NodeProcess, ProcessExit } from '../node-process.js';
import { namespaceName } from './commands.js';

/** `ip netns exec` becomes the command, which so keeps its pid. */
function insideNamespace(lab: string, node: string, command: readonly string[]): string[] {
  return ['ip', 'netns', 'exec', namespaceName(lab, node), ...command];
}

/** The same for a program of ours that is left running, as one could type it in the directory of this package. */
export function leftRunning(lab: string, node: string, command: readonly string[]): string[] {
  const root = `${packageRoot()}/`;
  const words = command.map((word) => (word === process.execPath ? 'node' : word.replace(root, '')));
  return ['setsid', '--fork', ...insideNamespace(lab, node, words)];
}

/** Throws LabCommandError. */
export function launchInNamespace(lab: string, node: string, options: NodeCommand): Promise<NodeProcess> {
  return launchHere(node, insideNamespace(lab, node, options.command), options);
}

/** `commandLine` runs the command as a process of this machine; `node` is what messages name. Throws LabCommandError. */
export async function launchHere(
  node: string,
  commandLine: readonly string[],
  options: NodeCommand,
): Promise<NodeProcess> {
  const { command, input } = options;
  const [program = '', ...words] = commandLine;
  const files = [options.stdout, options.stderr].map((file) => (file === undefined ? undefined : openSync(file, 'a')));
  try {
    // A session of its own: Ctrl-C in a terminal is for the lab, which then ends its processes in order.
    const child = spawn(program, words, {
      ...spawnOptions(options),
      detached: true,
      stdio: [input === undefined ? 'ignore' : 'pipe', files[0] ?? 'pipe', files[1] ?? 'pipe'],
    });
    const failed = new Promise<Error>((resolve) => child.once('error', resolve));
    if (child.pid === undefined) {
      throw new LabCommandError({ node, command, reason: 'could not be started' }, { cause: await failed });
    }
    if (options.outlives) child.unref();
    // The command's exit status tells more than a pipe that it does not read.
    child.stdin?.on('error', () => {}).end(input);
    return { pid: child.pid, stdout: child.stdout, stderr: child.stderr, exited: exitOf(child) };
  } finally {
    for (const file of files) if (file !== undefined) closeSync(file);
  }
}

/** The terminal's signals are for the command alone. */
export async function attachInNamespace(lab: string, node: string, options: NodeCommand): Promise<number> {
  const [program = '', ...words] = insideNamespace(lab, node, options.command);
  const onSignal = (): void => {};
  const child = spawn(program, words, { ...spawnOptions(options), stdio: 'inherit' });
  const onTerm = (): void => void child.kill('SIGTERM');
  process.on('SIGINT', onSignal).on('SIGQUIT', onSignal).on('SIGTERM', onTerm);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  } finally {
    process.off('SIGINT', onSignal).off('SIGQUIT', onSignal).off('SIGTERM', onTerm);
  }
}

function spawnOptions({ env, cwd }: NodeCommand): SpawnOptions {
  return { env: { ...process.env, ...env }, ...(cwd !== undefined && { cwd }) };
}

function exitOf(child: ChildProcess): Promise<ProcessExit> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ exitCode: code ?? undefined, signal: signal ?? undefined }));
  });
}
