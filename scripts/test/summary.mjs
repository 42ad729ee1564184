/** @typedef {import('./run-suite.mjs').SuiteResult} SuiteResult */

/**
 * @typedef {object} TestRun
 * @property {readonly SuiteResult[]} suites
 * @property {ReadonlyMap<string, readonly string[]>} unable By suite: what the machine lacks for it.
 * @property {readonly { name: string, why: string }[]} [unasked] Suites that run only when they are named.
 * @property {readonly { title: string, message: string }[]} broken Failures outside the suites: checks, set-up.
 */

/**
 * @param {TestRun} run
 * @returns {{ passed: number, failed: number, skipped: number }} A suite that did not end well is one failure more.
 */
function count({ suites, broken }) {
  const sum = (/** @type {(suite: SuiteResult) => number} */ of) =>
    suites.reduce((total, suite) => total + of(suite), 0);
  return {
    passed: sum(({ passed }) => passed.length),
    failed: broken.length + sum(({ failed, problem }) => failed.length + (problem === undefined ? 0 : 1)),
    skipped: sum(({ skipped }) => skipped.length),
  };
}

/**
 * Success = nothing failed and something ran.
 * @param {TestRun} run
 */
export function succeeded(run) {
  const { passed, failed } = count(run);
  return failed === 0 && passed > 0;
}

/**
 * What failed and what did not run, by name, and the counts alone on the last line.
 * @param {TestRun} run
 * @returns {string[]}
 */
export function summaryLines(run) {
  const { passed, failed, skipped } = count(run);
  const lines = [];
  for (const { name, skipped: titles } of run.suites) {
    const lacks = run.unable.get(name);
    if (lacks !== undefined) {
      lines.push(`not run: ${name} (${titles.length}), since this machine lacks ${lacks.join(', ')}:`);
      lines.push(...titles.map((title) => `  ${title}`));
    } else {
      lines.push(...titles.map((title) => `skipped: ${name}: ${title}`));
    }
  }
  for (const { name, why } of run.unasked ?? [])
    lines.push(`not run: ${name}, unless it is named (npm test -- ${name}): ${why}`);
  for (const { title, message } of run.broken) lines.push(`failed: ${title}: ${firstLine(message)}`);
  for (const { name, failed: failures, problem } of run.suites) {
    for (const { title, message } of failures) lines.push(`failed: ${name}: ${title}: ${firstLine(message)}`);
    if (problem !== undefined) lines.push(`failed: ${name}: ${problem}`);
  }
  if (passed + failed === 0) lines.push('no test ran');
  lines.push(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return lines;
}

/** @param {string} text */
function firstLine(text) {
  return text.split('\n', 1)[0] ?? '';
}
