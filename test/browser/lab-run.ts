import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { execa } from 'execa';
import { type ResultDocument, ResultDocumentSchema } from '../../lab/results/document.js';
import { commandLine, entries, pidsIn, processesWith, until } from './machine.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47]);

/** Runs of a scenario by the command line, in folders of their own, so that what they leave can be told from all else on the machine. */
export class LabRun {
  private constructor(
    /** Of the topology: part of all names that the lab gives. */
    readonly name: string,
    private readonly directory: string,
  ) {}

  static async create(name: string): Promise<LabRun> {
    const directory = await mkdtemp(join(tmpdir(), `mpip-${name}-`));
    await mkdir(join(directory, 'tmp'));
    return new LabRun(name, directory);
  }

  private get environment(): NodeJS.ProcessEnv {
    return {
      TMPDIR: join(this.directory, 'tmp'),
      MPIP_LAB_STATE: join(this.directory, 'labs'),
      XDG_CACHE_HOME: join(this.directory, 'cache'),
    };
  }

  private async words(scenario: string): Promise<string[]> {
    const file = join(this.directory, `${this.name}.yaml`);
    await writeFile(file, scenario);
    const program = ['--import', 'tsx', join(ROOT, 'lab/cli/main.ts')];
    return [...program, 'run', file, '--output', join(this.directory, 'results')];
  }

  /** To its end, which must be a good one. Gives the result document and the folder of the result. */
  async toItsEnd(scenario: string): Promise<{ document: ResultDocument; folder: string }> {
    const { environment: env } = this;
    const run = await execa(process.execPath, await this.words(scenario), { cwd: ROOT, reject: false, env });
    expect(run.exitCode, `${run.stdout}\n${run.stderr}`).to.equal(0);
    const parent = join(this.directory, 'results', this.name);
    const folder = join(parent, (await readdir(parent))[0]!);
    const text = await readFile(join(folder, 'result.json'), 'utf8');
    return { document: ResultDocumentSchema.parse(JSON.parse(text)), folder };
  }

  /** SIGKILL as soon as the command lines of the lab's processes fit `runs`. Gives the processes that the lab then had. */
  async killedWhen(scenario: string, runs: (commands: readonly string[]) => boolean, what: string): Promise<number[]> {
    const run: ChildProcess = spawn(process.execPath, await this.words(scenario), {
      cwd: ROOT,
      stdio: 'ignore',
      env: { ...process.env, ...this.environment },
    });
    const exited = new Promise((resolve) => run.once('exit', resolve));
    let pids: number[] = [];
    try {
      await until(() => {
        expect(run.exitCode, 'the run goes on').to.equal(null);
        pids = this.namespaces().flatMap(pidsIn);
        return runs(pids.map(commandLine));
      }, what);
    } finally {
      run.kill('SIGKILL');
      await exited;
    }
    return pids;
  }

  /** Waits until nothing of the lab is left, nor any of `pids` whose command line has `programs`. */
  async isGone(pids: readonly number[], programs: RegExp): Promise<void> {
    const gone = () => this.processes().length === 0 && this.namespaces().length === 0;
    await until(gone, 'all processes and namespaces are gone');
    // Chromium's children overwrite their environment, by which others are found.
    await until(() => pids.every((pid) => !programs.test(commandLine(pid))), `no ${programs.source} is left`);
    await until(() => entries(join(this.directory, 'labs')).length === 0, 'the files of the lab are gone');
  }

  async expectNothingLeft(): Promise<void> {
    expect(this.processes()).to.deep.equal([]);
    expect(this.namespaces()).to.deep.equal([]);
    expect(await this.temporary()).to.deep.equal([]);
  }

  /** Profiles and sockets of browsers, and programs' own files. */
  async temporary(): Promise<string[]> {
    const files = await readdir(join(this.directory, 'tmp'));
    return files.filter((file) => /^(mpip|playwright|\.?org\.chromium)/.test(file));
  }

  /** Of labs of this test, by what their processes inherit. */
  private processes(): string[] {
    return processesWith(`MPIP_LAB_STATE=${join(this.directory, 'labs')}`);
  }

  private namespaces(): string[] {
    return entries('/run/netns').filter((file) => file.includes(this.name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

export async function expectPicture(file: string): Promise<void> {
  const picture = await readFile(file);
  expect(picture.subarray(0, 4)).to.deep.equal(PNG);
}
