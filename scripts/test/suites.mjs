import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

/** @typedef {import('../setup/features.mjs').Feature} Feature */

/**
 * @typedef {object} Suite
 * @property {string} name Also its folder below test/.
 * @property {readonly Feature[]} uses Features that the set-up installs for it where it can.
 * @property {readonly Feature[]} requires Features without which none of its tests can run.
 * @property {boolean} networks Whether its tests make network namespaces and TUN devices.
 * @property {number} limitMs Longest run.
 * @property {string} [onDemand] Why it runs only when it is named.
 */

const MINUTE_MS = 60_000;

/**
 * In order of running.
 * @type {readonly Suite[]}
 */
export const SUITES = [
  { name: 'unit', uses: ['lab', 'figures'], requires: [], networks: false, limitMs: 10 * MINUTE_MS },
  { name: 'sim', uses: [], requires: [], networks: false, limitMs: 15 * MINUTE_MS },
  { name: 'e2e', uses: ['lab', 'mptcp', 'figures'], requires: ['lab'], networks: true, limitMs: 32 * MINUTE_MS },
  {
    name: 'vm',
    uses: ['lab', 'vm'],
    requires: ['lab', 'vm'],
    networks: true,
    limitMs: 15 * MINUTE_MS,
    onDemand: 'a processor that is emulated keeps time on an idle machine only',
  },
  {
    name: 'browser',
    uses: ['lab', 'figures', 'browser'],
    requires: ['lab', 'browser'],
    networks: true,
    limitMs: 15 * MINUTE_MS,
  },
];

const TEST_FILE = /\.test\.ts$/;

/**
 * Test files at or below a path, relative to `root`, sorted.
 * @param {string} root
 * @param {string} path
 * @returns {string[]}
 */
function testFiles(root, path) {
  const absolute = resolve(root, path);
  if (!existsSync(absolute)) return [];
  if (statSync(absolute).isFile()) return TEST_FILE.test(absolute) ? [relative(root, absolute)] : [];
  return readdirSync(absolute, { recursive: true, encoding: 'utf8' })
    .filter((name) => TEST_FILE.test(name))
    .map((name) => relative(root, join(absolute, name)))
    .sort();
}

/**
 * The files of each suite that the targets (names of suites, files, folders; none = all but those on demand) select; suites without any are left out.
 * @param {string} root
 * @param {readonly string[]} targets
 * @returns {{ suite: Suite, files: string[] }[]}
 * @throws {Error} A target is neither a suite nor holds tests of one.
 */
export function selectTests(root, targets) {
  const names = SUITES.map(({ name }) => name);
  const usual = SUITES.filter(({ onDemand }) => onDemand === undefined).map(({ name }) => name);
  const wanted = new Set(
    (targets.length === 0 ? usual : targets).flatMap((target) => {
      const found = testFiles(root, names.includes(target) ? join('test', target) : target);
      if (found.length === 0 && !names.includes(target)) {
        throw new Error(`${target}: neither a suite (${names.join(', ')}) nor a path of tests`);
      }
      return found;
    }),
  );
  const selection = SUITES.map((suite) => ({
    suite,
    files: testFiles(root, join('test', suite.name)).filter((file) => wanted.delete(file)),
  })).filter(({ files }) => files.length > 0);
  if (wanted.size > 0) throw new Error(`${[...wanted].join(', ')}: in no suite's folder`);
  return selection;
}
