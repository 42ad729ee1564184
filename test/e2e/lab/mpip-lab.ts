/** The command line of the lab, run from its sources or from the build, with labs in a directory of the test's own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Traces } from './machine-state.js';

const SOURCES = ['--import', 'tsx', fileURLToPath(new URL('../../../lab/cli/main.ts', import.meta.url))];
/** Starts several times as fast. */
const BUILD = [fileURLToPath(new URL('../../../dist/lab/cli/main.js', import.meta.url))];

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when standard error has a text; rejects when the command ends without. */
  says(text: string): Promise<void>;
}

export class MpipLab implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'mpip-lab-test-'));
  readonly state = join(this.#directory, 'labs');
  /** The prefix of all labs of this test. */
  readonly prefix = `t${process.pid.toString(36)}`;
  readonly #program: readonly string[];
  #labs = 0;

  constructor(from: 'sources' | 'build' = 'sources') {
    this.#program = from === 'sources' ? SOURCES : BUILD;
  }

  /** What is left of the labs of this test, if anything. */
  get traces(): Traces {
    return { prefix: this.prefix, environment: `MPIP_LAB_STATE=${this.state}`, directory: this.state };
  }

  /** A name that no other lab has. */
  newName(): string {
    return `${this.prefix}-${this.#labs++}`;
  }

  start(...words: string[]): Running {
    const child = spawn(process.execPath, [...this.#program, ...words], {
      // A group of its own, so that signals of a terminal can be sent to all that is in it.
      detached: true,
      env: { ...process.env, MPIP_LAB_STATE: this.state },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.stderr += text;
    });
    const ended = new Promise<Ended>((resolve) => child.once('close', (status) => resolve({ status, ...output })));
    const says = (text: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (output.stderr.includes(text)) resolve();
        };
        look();
        child.stderr.on('data', look);
        void ended.then(() => reject(new Error(`mpip-lab ${words.join(' ')} ended: ${output.stderr}`)));
      });
    return { child, ended, says };
  }

  run(...words: string[]): Promise<Ended> {
    return this.start(...words).ended;
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
