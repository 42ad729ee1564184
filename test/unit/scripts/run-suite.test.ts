import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { listSuite, runSuite } from '../../../scripts/test/run-suite.mjs';
import { TemporaryFolder } from './temporary-folder.js';

/** Whether a process runs (a zombie does not). */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('a suite run by npm test', function () {
  this.timeout(60_000);
  let folder: TemporaryFolder;
  beforeEach(() => {
    folder = new TemporaryFolder();
  });
  afterEach(() => folder[Symbol.dispose]());

  const suite = (source: string, more: Partial<Parameters<typeof runSuite>[0]> = {}) => ({
    root: folder.path,
    name: 'sample',
    files: [folder.write('sample.test.ts', source)],
    limitMs: 50_000,
    silent: true,
    ...more,
  });

  it('reports what passed, what failed with its message, and what was skipped, by full title', async () => {
    const result = await runSuite(
      suite(`describe('outer', () => {
        it('passes', () => { const typed: number = 1; void typed; });
        it('fails', () => { throw new Error('the cause'); });
        it.skip('is skipped');
        it('skips itself', function () { this.skip(); });
      });`),
    );
    expect(result).to.deep.equal({
      name: 'sample',
      passed: ['outer > passes'],
      failed: [{ title: 'outer > fails', message: 'the cause' }],
      skipped: ['outer > is skipped', 'outer > skips itself'],
    });
  });

  it('counts a failing hook as a failure', async () => {
    const result = await runSuite(
      suite(`describe('s', () => { before(() => { throw new Error('no hook'); }); it('t', () => {}); });`),
    );
    expect(result.failed.map(({ message }) => message)).to.deep.equal(['no hook']);
  });

  for (const [how, statement, ending] of [
    ['leaves with status 0', 'process.exit(0)', 'exit status 0'],
    ['is killed', `process.kill(process.pid, 'SIGSEGV'); await new Promise(() => {})`, 'SIGSEGV'],
  ] as const) {
    it(`is a failure when its process ${how} in the middle; what was counted before stays counted`, async () => {
      const result = await runSuite(
        suite(`it('before', () => {}); it('the last', async () => { ${statement}; }); it('after', () => {});`),
      );
      expect(result.passed).to.deep.equal(['before']);
      expect(result.problem).to.include(ending).and.to.include('the last');
    });
  }

  it('is a failure when a test file cannot be loaded', async () => {
    const result = await runSuite(suite(`import './absent.js'; it('t', () => {});`));
    expect(result.passed).to.deep.equal([]);
    expect(result.problem).to.include('loading the test files');
  });

  it('is a failure when its process crashes after the last test', async () => {
    const result = await runSuite(
      suite(`it('t', () => {}); after(() => { setTimeout(() => process.kill(process.pid, 'SIGSEGV'), 50); });`),
    );
    expect(result.passed).to.deep.equal(['t']);
    expect(result.problem).to.include('after the last test').and.to.include('SIGSEGV');
  });

  it('is a failure when something left open keeps its process alive', async () => {
    const result = await runSuite(suite(`it('t', () => { setInterval(() => {}, 1000); });`, { lingerMs: 200 }));
    expect(result.passed).to.deep.equal(['t']);
    expect(result.problem).to.include('does not exit');
  });

  it('is killed at its limit when it does not stop in the time given for that', async () => {
    const result = await runSuite(suite(`it('hangs', () => { for (;;); });`, { limitMs: 1_500, graceMs: 100 }));
    expect(result.problem).to.include('limit of 1.5 s');
    expect(result.passed).to.deep.equal([]);
  });

  it('that is interrupted runs no further test, may clean up, and leaves no process of its group behind', async () => {
    const pid = join(folder.path, 'pid');
    const cleaned = join(folder.path, 'cleaned');
    const result = await runSuite(
      suite(
        `import { spawn } from 'node:child_process';
         import { renameSync, writeFileSync } from 'node:fs';
         after(() => writeFileSync(${JSON.stringify(cleaned)}, ''));
         it('hangs', async function () {
           this.timeout(0);
           writeFileSync(${JSON.stringify(`${pid}.new`)}, String(spawn('sleep', ['1000']).pid));
           renameSync(${JSON.stringify(`${pid}.new`)}, ${JSON.stringify(pid)});
           await new Promise(() => {});
         });
         it('never runs', () => {});`,
        {
          graceMs: 2_000,
          onStart: (interrupt) => {
            void until(() => existsSync(pid)).then(interrupt);
          },
        },
      ),
    );
    expect(result.problem).to.include('interrupted').and.to.include('hangs');
    expect(result.passed).to.deep.equal([]);
    expect(existsSync(cleaned)).to.equal(true);
    const child = Number(readFileSync(pid, 'utf8'));
    await until(() => !isRunning(child));
  });

  it('is listed without running anything when the machine cannot run it', async () => {
    const marker = join(folder.path, 'ran');
    const result = await listSuite(
      suite(`import { writeFileSync } from 'node:fs';
        const mark = () => writeFileSync(${JSON.stringify(marker)}, '');
        before(mark);
        it('one', mark); it.skip('two', mark);`),
    );
    expect(result).to.deep.equal({ name: 'sample', passed: [], failed: [], skipped: ['one', 'two'] });
    expect(existsSync(marker)).to.equal(false);
  });
});
