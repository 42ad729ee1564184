/** Test files that run inside a virtual machine, each of their tests a test here: it passes, fails or is skipped as it did there. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { packageRoot } from '../../../lab/package-root.js';
import { compile } from './compiled.js';
import { RECORDS_VARIABLE, type Told } from './told.js';
import { VirtualMachine } from './virtual-machine.js';

/** As scripts/test/reporter.cjs writes them. */
type TestRecord =
  | { readonly type: 'begin' | 'pass' | 'skip'; readonly title: string }
  | { readonly type: 'fail'; readonly title: string; readonly message: string }
  | { readonly type: 'end' }
  | Told;

export interface GuestTests {
  /** Test files, as paths below the checkout. */
  readonly files: readonly string[];
  /** Kernel modules that they need. */
  readonly modules: readonly string[];
  /** Longest time of the whole run, ms. */
  readonly limitMs: number;
}

const ROOT = packageRoot();
const MOCHA = createRequire(import.meta.url).resolve('mocha/lib/cli/cli.js');
const REPORTER = join(ROOT, 'scripts', 'test', 'reporter.cjs');
const RECORDS = 3;
const BOOT_LIMIT_MS = 120_000;
/** Functions are compiled when they run, and not before: compiling is slow on an emulated processor. */
const NODE_OPTION = '--max-lazy';
const SOURCES = ['src', 'lab', 'experiments', 'test'];

/** Tests that have been found, and what they tell. */
export interface FoundTests {
  /** Defines them; inside of a `describe`. */
  readonly define: () => void;
  /** What one of them told under a name. Throws an Error when none has. */
  readonly told: (name: string) => unknown;
}

/** Finds the tests, by loading the files here. */
export async function guestTests(tests: GuestTests): Promise<FoundTests> {
  const titles = await titlesOf(tests.files);
  const results = new Results();
  return { define: () => define(tests, titles, results), told: (name) => results.told(name) };
}

function define({ files, modules, limitMs }: GuestTests, titles: readonly string[], results: Results): void {
  let machine: VirtualMachine | undefined;
  let compiled: string | undefined;

  before('boots', async function () {
    this.timeout(BOOT_LIMIT_MS + 60_000);
    compiled = mkdtempSync(join(tmpdir(), 'mpip-vm-tests-'));
    compile(ROOT, SOURCES, compiled);
    machine = await VirtualMachine.boot({
      command: [
        // JavaScript beside the TypeScript that it was made of.
        `mount -t overlay -o lowerdir=${compiled}:${ROOT} checkout ${ROOT} && cd ${ROOT} || exit 1`,
        `export ${RECORDS_VARIABLE}=${RECORDS}`,
        `exec ${process.execPath} ${NODE_OPTION} ${mochaArguments(files.map((file) => file.replace(/\.ts$/, '.js'))).join(' ')}`,
      ].join('\n'),
      modules,
      bootLimitMs: BOOT_LIMIT_MS,
      onRecord: (record) => results.add(record as TestRecord),
      // What its tests print is what these print.
      onConsole: (text) => void (process.env.MPIP_VM_CONSOLE && process.stderr.write(text.replace(/\r/g, ''))),
    });
    machine.ended().then(
      (status) => results.end(`the tests in the virtual machine ended with status ${status}`),
      (error: Error) => results.end(error.message),
    );
  });

  after('powers off', async function () {
    this.timeout(30_000);
    await machine?.[Symbol.asyncDispose]();
    if (compiled !== undefined) rmSync(compiled, { recursive: true, force: true });
  });

  for (const title of titles) {
    it(title, async function () {
      // The machine runs ahead of this test, or is at it.
      this.timeout(limitMs);
      const record = await results.of(title);
      if (record.type === 'skip') this.skip();
      if (record.type === 'fail') throw new Error(record.message);
    });
  }
}

/** What is known of the tests, and who waits for it. */
class Results {
  readonly #known = new Map<string, TestRecord>();
  readonly #told = new Map<string, unknown>();
  readonly #waiting = new Map<string, { resolve: (record: TestRecord) => void; reject: (error: Error) => void }>();
  #failedHook: string | undefined;
  #ended: string | undefined;

  add(record: TestRecord): void {
    if (record.type === 'begin' || record.type === 'end') return;
    if (record.type === 'told') {
      this.#told.set(record.name, record.value);
      return;
    }
    this.#known.set(record.title, record);
    // A hook that fails takes with it the tests that it was for; they are never told of.
    if (record.type === 'fail' && /"(before|after)/.test(record.title))
      this.#failedHook = `${record.title}: ${record.message}`;
    this.#waiting.get(record.title)?.resolve(record);
    this.#waiting.delete(record.title);
  }

  end(reason: string): void {
    this.#ended = this.#failedHook ?? reason;
    for (const { reject } of this.#waiting.values()) reject(new Error(this.#ended));
    this.#waiting.clear();
  }

  told(name: string): unknown {
    if (!this.#told.has(name)) throw new Error(`no test in the virtual machine has told its ${name}`);
    return this.#told.get(name);
  }

  of(title: string): Promise<TestRecord> {
    const known = this.#known.get(title);
    if (known !== undefined) return Promise.resolve(known);
    if (this.#ended !== undefined) return Promise.reject(new Error(this.#ended));
    return new Promise((resolve, reject) => this.#waiting.set(title, { resolve, reject }));
  }
}

function mochaArguments(files: readonly string[]): string[] {
  return [
    ...[MOCHA, '--no-config', '--no-package', '--reporter', REPORTER, '--reporter-option', `records=${RECORDS}`],
    ...files,
  ];
}

/** In the order in which they run. */
async function titlesOf(files: readonly string[]): Promise<string[]> {
  const args = ['--import', 'tsx', ...mochaArguments(files), '--dry-run'];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const titles: string[] = [];
  createInterface({ input: child.stdio[RECORDS] as Readable }).on('line', (line) => {
    const record = JSON.parse(line) as TestRecord;
    if (record.type === 'pass' || record.type === 'skip') titles.push(record.title);
  });
  const status = await new Promise((resolve) => child.once('close', resolve));
  if (status !== 0 || titles.length === 0) throw new Error(`no tests in ${files.join(', ')}: ${complaint}`);
  return titles;
}
