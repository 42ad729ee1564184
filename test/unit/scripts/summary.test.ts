import { expect } from 'chai';
import { succeeded, summaryLines } from '../../../scripts/test/summary.mjs';

const suite = (name: string, passed: number, more: object = {}) => ({
  name,
  passed: Array.from({ length: passed }, (_, i) => `t${i}`),
  failed: [],
  skipped: [],
  ...more,
});
const run = (more: object = {}) => ({ suites: [], unable: new Map<string, string[]>(), broken: [], ...more });

describe('the summary of npm test', () => {
  it('ends with the counts alone on the last line', () => {
    const passing = run({ suites: [suite('unit', 2), suite('sim', 1, { skipped: ['s > t'] })] });
    expect(summaryLines(passing)).to.deep.equal(['skipped: sim: s > t', '3 passed, 0 failed, 1 skipped']);
    expect(succeeded(passing)).to.equal(true);
  });

  it('names the tests that the machine cannot run and what it lacks, and counts them as skipped', () => {
    const limited = run({
      suites: [suite('unit', 1), suite('e2e', 0, { skipped: ['x', 'y'] })],
      unable: new Map([['e2e', ['root', 'iperf3']]]),
    });
    expect(summaryLines(limited)).to.deep.equal([
      'not run: e2e (2), since this machine lacks root, iperf3:',
      '  x',
      '  y',
      '1 passed, 0 failed, 2 skipped',
    ]);
    expect(succeeded(limited)).to.equal(true);
  });

  it('fails for a failed test, a suite that did not end well, and a failed check or set-up, each counted once', () => {
    const failing = run({
      suites: [
        suite('unit', 1, { failed: [{ title: 'u', message: 'one\ntwo' }] }),
        suite('sim', 1, { problem: 'crash' }),
      ],
      broken: [{ title: 'check: types', message: 'wrong' }],
    });
    expect(summaryLines(failing)).to.deep.equal([
      'failed: check: types: wrong',
      'failed: unit: u: one',
      'failed: sim: crash',
      '2 passed, 3 failed, 0 skipped',
    ]);
    expect(succeeded(failing)).to.equal(false);
  });

  it('is no success when no test ran, skipped ones or not', () => {
    expect(succeeded(run())).to.equal(false);
    const skippedOnly = run({ suites: [suite('e2e', 0, { skipped: ['x'] })] });
    expect(succeeded(skippedOnly)).to.equal(false);
    expect(summaryLines(skippedOnly)).to.include('no test ran');
  });
});
