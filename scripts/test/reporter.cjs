const { writeSync } = require('node:fs');
const { reporters } = require('mocha');

/**
 * mocha's spec output for people, and beside it one JSON record a line on a file descriptor for the runner. Written
 * synchronously, so that what has been recorded survives a crash of this process.
 */
class RecordingSpec extends reporters.Spec {
  /**
   * @param {import('mocha').Runner} runner
   * @param {import('mocha').MochaOptions} options
   */
  constructor(runner, options) {
    super(runner, options);
    const descriptor = Number(options.reporterOptions.records);
    const record = (/** @type {object} */ entry) => writeSync(descriptor, `${JSON.stringify(entry)}\n`);
    const title = (/** @type {import('mocha').Runnable} */ runnable) => runnable.titlePath().join(' > ');
    runner.on('test', (test) => record({ type: 'begin', title: title(test) }));
    runner.on('hook', (hook) => record({ type: 'begin', title: title(hook) }));
    runner.on('pass', (test) => record({ type: 'pass', title: title(test) }));
    runner.on('pending', (test) => record({ type: 'skip', title: title(test) }));
    runner.on('fail', (test, error) => record({ type: 'fail', title: title(test), message: String(error?.message) }));
    runner.on('end', () => record({ type: 'end' }));
    process.on('SIGINT', () => endEarly(runner));
  }
}

/**
 * Runs no further test, and ends the current one or its preparation as if its time were over; the after hooks clean up.
 * @param {import('mocha').Runner} runner
 */
function endEarly(runner) {
  runner.abort();
  const current = runner.currentRunnable;
  if (current === undefined || /^"after/.test(current.title)) return;
  current.timeout(1);
  current.resetTimeout();
}

module.exports = RecordingSpec;
