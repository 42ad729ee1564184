import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startGroup } from '../process/group.mjs';

/**
 * What became of a suite's tests.
 * @typedef {object} SuiteResult
 * @property {string} name
 * @property {string[]} passed Titles.
 * @property {{ title: string, message: string }[]} failed
 * @property {string[]} skipped Titles.
 * @property {string} [problem] Why the run itself failed (crash, time-out, does not end); undefined when it ended well.
 */

/**
 * @typedef {object} SuiteRun
 * @property {string} root Where mocha runs and finds its settings.
 * @property {string} name
 * @property {readonly string[]} files
 * @property {readonly string[]} [mochaArguments]
 * @property {number} limitMs Longest run of the whole suite.
 * @property {number} [graceMs] Time to clean up after a time-out before the kill.
 * @property {number} [lingerMs] Time to exit after the last test.
 * @property {boolean} [silent] No spec output.
 * @property {(interrupt: () => void) => void} [onStart] Gets the function that asks for an early end; called twice it kills.
 */

/** The reporter's channel: the first descriptor behind stdin, stdout and stderr. */
const RECORDS = 3;
const REPORTER = fileURLToPath(new URL('./reporter.cjs', import.meta.url));

/**
 * Runs a suite's files in one mocha process. Never rejects for what the tests do: that is in the result.
 * @param {SuiteRun} run
 * @returns {Promise<SuiteResult>}
 */
export async function runSuite(run) {
  const { root, name, files, mochaArguments = [], limitMs, graceMs = 30_000, lingerMs = 15_000, silent = false } = run;
  const require = createRequire(import.meta.url);
  const child = startGroup(
    process.execPath,
    [
      ...['--import', pathToFileURL(require.resolve('tsx')).href, require.resolve('mocha/lib/cli/cli.js')],
      ...['--reporter', REPORTER, '--reporter-option', `records=${RECORDS}`],
      ...mochaArguments,
      ...files,
    ],
    { cwd: root, stdio: ['ignore', silent ? 'ignore' : 'inherit', 'inherit', 'pipe'] },
  );

  /** @type {SuiteResult} */
  const result = { name, passed: [], failed: [], skipped: [] };
  let current = 'loading the test files';
  let finished = false;
  /** @type {string | undefined} */
  let stoppedFor;
  const stop = (/** @type {string} */ reason, /** @type {number} */ patienceMs) => {
    if (stoppedFor !== undefined) return;
    stoppedFor = reason;
    if (patienceMs > 0) child.signalLeader('SIGINT');
    setTimeout(() => child.signalAll('SIGKILL'), patienceMs).unref();
  };
  const limit = setTimeout(
    () => stop(`stopped after its limit of ${duration(limitMs)}, at: ${current}`, graceMs),
    limitMs,
  );
  /** @type {NodeJS.Timeout | undefined} */
  let linger;

  const stream = /** @type {import('node:stream').Readable} */ (child.leader.stdio[RECORDS]);
  const lines = createInterface({ input: stream });
  const closed = new Promise((resolve) => lines.once('close', resolve));
  lines.on('line', (line) => {
    const record = JSON.parse(line);
    if (record.type === 'begin') current = record.title;
    else if (record.type === 'pass') result.passed.push(record.title);
    else if (record.type === 'skip') result.skipped.push(record.title);
    else if (record.type === 'fail') result.failed.push({ title: record.title, message: record.message });
    else if (record.type === 'end') {
      finished = true;
      linger = setTimeout(() => stop('its process does not exit: a test leaves something open', 0), lingerMs);
    }
  });
  let interrupts = 0;
  run.onStart?.(() => {
    interrupts += 1;
    if (interrupts === 1) stop(`interrupted at: ${current}`, graceMs);
    else child.signalAll('SIGKILL');
  });

  const ending = await child.ended;
  await Promise.race([closed, delay(1_000, undefined, { ref: false })]);
  clearTimeout(limit);
  clearTimeout(linger);

  if (stoppedFor !== undefined) result.problem = stoppedFor;
  else if (ending.error !== undefined) result.problem = ending.error.message;
  else if (!finished) result.problem = `its process ended early (${describe(ending)}), at: ${current}`;
  else if (ending.status !== 0 && result.failed.length === 0) {
    result.problem = `its process failed after the last test (${describe(ending)})`;
  }
  if (result.problem !== undefined) child.signalAll('SIGKILL');
  return result;
}

/**
 * The tests of a suite that this machine cannot run, counted as skipped.
 * @param {SuiteRun} run
 * @returns {Promise<SuiteResult>}
 */
export async function listSuite(run) {
  const listed = await runSuite({
    ...run,
    mochaArguments: [...(run.mochaArguments ?? []), '--dry-run'],
    silent: true,
  });
  return { ...listed, passed: [], skipped: [...listed.passed, ...listed.skipped] };
}

/** @param {import('../process/group.mjs').Ending} ending */
function describe({ status, signal }) {
  return signal === null ? `exit status ${status}` : signal;
}

/** @param {number} ms */
function duration(ms) {
  return ms >= 60_000 ? `${ms / 60_000} min` : `${ms / 1_000} s`;
}
