/** A base image where no registry can be reached: a Debian made by debootstrap from the machine's package mirror. */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { arch, homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { findProgram } from '../../doctor/machine.js';
import { LabCommandError, LabMachineError } from '../../error.js';

const SUITE = 'bookworm';
const HASH_DIGITS = 12;

export interface Base {
  /** A tar of the root file system. */
  readonly archive: string;
  readonly suite: string;
}

/**
 * Makes the file system with these packages in it, or finds it where an earlier call kept it ($XDG_CACHE_HOME/mpip-lab).
 * Throws LabMachineError, LabCommandError.
 */
export async function bootstrapBase(packages: readonly string[], onLine: (line: string) => void): Promise<Base> {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'mpip-lab');
  const digest = createHash('sha256').update(packages.join(' ')).digest('hex').slice(0, HASH_DIGITS);
  const archive = join(cache, `base-${SUITE}-${arch()}-${digest}.tar.gz`);
  if (existsSync(archive)) return { archive, suite: SUITE };
  if (findProgram('debootstrap') === undefined) {
    throw new LabMachineError('debootstrap is not installed; run: apt-get install debootstrap');
  }
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(join(tmpdir(), 'mpip-lab-base-'));
  const root = join(scratch, 'root');
  const fresh = `${archive}.${process.pid}`;
  try {
    const include = `--include=${packages.join(',')}`;
    await run(['debootstrap', '--variant=minbase', include, SUITE, root], onLine);
    const without = ['./var/cache/apt/*', './var/lib/apt/lists/*', './debootstrap'].map((path) => `--exclude=${path}`);
    await run(['tar', '--create', '--gzip', '--numeric-owner', `--file=${fresh}`, ...without, '-C', root, '.'], onLine);
    renameSync(fresh, archive);
    return { archive, suite: SUITE };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    rmSync(fresh, { force: true });
  }
}

/** Throws LabCommandError with what it said. */
function run(command: readonly string[], onLine: (line: string) => void): Promise<void> {
  const [program = '', ...rest] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    const said: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        said.push(line);
        onLine(line);
      });
    }
    child.once('error', reject);
    child.once('close', (exitCode, signal) => {
      if (exitCode === 0) return resolve();
      const failure = { exitCode: exitCode ?? undefined, signal: signal ?? undefined, stderr: said.join('\n') };
      return reject(new LabCommandError({ command, ...failure }));
    });
  });
}
