import { parseArgs } from 'node:util';
import { SUITES } from './suites.mjs';

export const USAGE = `npm test -- [suite|path]... [options]
  suite            ${SUITES.map(({ name }) => name).join(', ')}; none = all but ${SUITES.filter(
    ({ onDemand }) => onDemand !== undefined,
  )
    .map(({ name }) => name)
    .join(', ')}
  path             a test file or a folder of them
  -g, --grep RE    only tests whose title matches
  -f, --fgrep TEXT only tests whose title contains
  -i, --invert     only those that do not
  -b, --bail       stop a suite at its first failure
      --check      types, lint, layer boundaries and unused code first`;

/**
 * @typedef {{ targets: string[], mochaArguments: string[], check: boolean, help: boolean }} TestArguments
 */

/**
 * @param {readonly string[]} argv
 * @returns {TestArguments}
 * @throws {TypeError} Unknown option or missing value.
 */
export function parseTestArguments(argv) {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      grep: { type: 'string', short: 'g' },
      fgrep: { type: 'string', short: 'f' },
      invert: { type: 'boolean', short: 'i', default: false },
      bail: { type: 'boolean', short: 'b', default: false },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const mochaArguments = [];
  if (values.grep !== undefined) mochaArguments.push('--grep', values.grep);
  if (values.fgrep !== undefined) mochaArguments.push('--fgrep', values.fgrep);
  if (values.invert) mochaArguments.push('--invert');
  if (values.bail) mochaArguments.push('--bail');
  return { targets: positionals, mochaArguments, check: values.check, help: values.help };
}
