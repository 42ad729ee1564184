// `npm test`: everything from a bare clone to the counts of all tests that this machine can run.
import { runChecks } from './check.mjs';
import { relaySignals } from './process/group.mjs';
import { SetupError } from './setup/error.mjs';
import { missingRequirements } from './setup/features.mjs';
import { ROOT, setup } from './setup.mjs';
import { parseTestArguments, USAGE } from './test/arguments.mjs';
import { networkObstacles } from './test/machine.mjs';
import { listSuite, runSuite } from './test/run-suite.mjs';
import { SUITES, selectTests } from './test/suites.mjs';
import { succeeded, summaryLines } from './test/summary.mjs';

/** @typedef {import('./test/suites.mjs').Suite} Suite */

/** @type {{ suites: import('./test/run-suite.mjs').SuiteResult[], unable: Map<string, string[]>, broken: { title: string, message: string }[] }} */
const run = { suites: [], unable: new Map(), broken: [] };
let interrupted = false;
/** @type {() => void} */
let interruptSuite = () => {};

/** @template T @param {() => T} action @returns {T} */
function orUsage(action) {
  try {
    return action();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    process.exit(2);
  }
}

/**
 * What this machine lacks for any test of the suite.
 * @param {Suite} suite
 */
async function obstacles(suite) {
  const missing = missingRequirements(suite.requires).map(({ what }) => what);
  return missing.length > 0 || !suite.networks ? missing : await networkObstacles();
}

/**
 * @param {Suite} suite
 * @param {string[]} files
 */
async function runOrList(suite, files) {
  const lacks = await obstacles(suite);
  const request = {
    root: ROOT,
    name: suite.name,
    files,
    mochaArguments: [...options.mochaArguments, ...(process.env.CI ? ['--forbid-only'] : [])],
    limitMs: suite.limitMs,
    onStart: (/** @type {() => void} */ interrupt) => {
      interruptSuite = interrupt;
    },
  };
  if (lacks.length > 0) run.unable.set(suite.name, lacks);
  else console.log(`\n== ${suite.name}`);
  run.suites.push(await (lacks.length > 0 ? listSuite(request) : runSuite(request)));
}

const options = orUsage(() => parseTestArguments(process.argv.slice(2)));
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}
const selection = orUsage(() => selectTests(ROOT, options.targets));

try {
  await setup({ need: [...new Set(selection.flatMap(({ suite }) => suite.uses))], optional: true });
  const stopRelay = relaySignals(() => {
    interrupted = true;
    interruptSuite();
  });
  if (options.check) run.broken.push(...(await runChecks()));
  for (const { suite, files } of selection) {
    if (!interrupted) await runOrList(suite, files);
  }
  stopRelay();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`set-up: ${error.message}`);
  run.broken.push({ title: 'set-up', message: error.message });
}

const unasked = SUITES.flatMap(({ name, onDemand }) =>
  onDemand === undefined || options.targets.length > 0 ? [] : [{ name, why: onDemand }],
);
console.log(`\n${summaryLines({ ...run, unasked }).join('\n')}`);
process.exitCode = interrupted ? 130 : succeeded(run) ? 0 : 1;
