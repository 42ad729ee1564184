import { expect } from 'chai';
import { parseTestArguments } from '../../../scripts/test/arguments.mjs';
import { selectTests } from '../../../scripts/test/suites.mjs';
import { TemporaryFolder } from './temporary-folder.js';

describe('the tests that npm test selects', () => {
  let folder: TemporaryFolder;
  before(() => {
    folder = new TemporaryFolder();
    folder.write('test/unit/a.test.ts', '');
    folder.write('test/unit/deep/b.test.ts', '');
    folder.write('test/unit/deep/world.ts', '');
    folder.write('test/e2e/c.test.ts', '');
    folder.write('test/vm/e.test.ts', '');
    folder.write('test/browser/README.md', '');
    folder.write('test/other/d.test.ts', '');
  });
  after(() => folder[Symbol.dispose]());

  const select = (...targets: string[]) =>
    selectTests(folder.path, targets).map(({ suite, files }) => [suite.name, ...files]);

  it('are all of all suites, in order; a suite without tests is not mentioned', () => {
    expect(select()).to.deep.equal([
      ['unit', 'test/unit/a.test.ts', 'test/unit/deep/b.test.ts'],
      ['e2e', 'test/e2e/c.test.ts'],
    ]);
  });

  it('leave out a suite that runs on demand until it is named', () => {
    expect(select('vm')).to.deep.equal([['vm', 'test/vm/e.test.ts']]);
  });

  it('are narrowed by suites, folders and files', () => {
    expect(select('e2e')).to.deep.equal([['e2e', 'test/e2e/c.test.ts']]);
    expect(select('test/unit/deep')).to.deep.equal([['unit', 'test/unit/deep/b.test.ts']]);
    expect(select('e2e', 'test/unit/a.test.ts')).to.deep.equal([
      ['unit', 'test/unit/a.test.ts'],
      ['e2e', 'test/e2e/c.test.ts'],
    ]);
    expect(select('browser')).to.deep.equal([]);
  });

  it('are refused when a name is neither a suite nor a path of tests, or the path belongs to no suite', () => {
    expect(() => select('units')).to.throw('units: neither a suite (unit, sim, e2e, vm, browser) nor a path of tests');
    expect(() => select('test/other')).to.throw('test/other/d.test.ts');
  });
});

describe('the arguments of npm test', () => {
  it('name targets and pass the filters on to mocha', () => {
    expect(parseTestArguments(['unit', '-g', 'CM block', '--bail', '--check'])).to.deep.equal({
      targets: ['unit'],
      mochaArguments: ['--grep', 'CM block', '--bail'],
      check: true,
      help: false,
    });
  });

  it('are refused when unknown or incomplete', () => {
    expect(() => parseTestArguments(['--wathc'])).to.throw('--wathc');
    expect(() => parseTestArguments(['--grep'])).to.throw('--grep');
  });
});
