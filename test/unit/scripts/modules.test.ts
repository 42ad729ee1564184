import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { modulesObstacle, satisfiesLock } from '../../../scripts/setup/modules.mjs';
import { TemporaryFolder } from './temporary-folder.js';

const lockFile = (version: string) => JSON.stringify({ packages: { '': {}, 'node_modules/a': { version } } });

describe('node_modules in the set-up', () => {
  let folder: TemporaryFolder;
  beforeEach(() => {
    folder = new TemporaryFolder();
    folder.write('package-lock.json', lockFile('1.0.0'));
  });
  afterEach(() => folder[Symbol.dispose]());

  it('are installed when there are none', () => {
    expect(modulesObstacle(folder.path)).to.equal('node_modules is missing');
  });

  it('are taken over when npm has installed by hand what the lock file says, and are then known by a stamp', () => {
    const npmRecord = folder.write('node_modules/.package-lock.json', lockFile('1.0.0'));
    expect(modulesObstacle(folder.path)).to.equal(undefined);
    folder.write('node_modules/.package-lock.json', 'not read again');
    expect(modulesObstacle(folder.path)).to.equal(undefined);
    expect(readFileSync(npmRecord, 'utf8')).to.equal('not read again');
  });

  it('are installed again when the lock file has changed', () => {
    folder.write('node_modules/.package-lock.json', lockFile('1.0.0'));
    expect(modulesObstacle(folder.path)).to.equal(undefined);
    folder.write('package-lock.json', lockFile('1.0.1'));
    expect(modulesObstacle(folder.path)).to.equal('package-lock.json changed');
  });

  it('are installed again when npm was interrupted, so that its own record is missing', () => {
    folder.write('node_modules/a/package.json', '{}');
    expect(modulesObstacle(folder.path)).to.equal('package-lock.json changed');
  });

  it('are installed again on another platform, whose binaries differ', () => {
    folder.write('node_modules/.package-lock.json', lockFile('1.0.0'));
    modulesObstacle(folder.path);
    const stamp = readFileSync(`${folder.path}/node_modules/.mpip-lock`, 'utf8');
    folder.write('node_modules/.mpip-lock', stamp.replace(process.arch, 'pdp11'));
    expect(modulesObstacle(folder.path)).to.equal('node_modules is of another platform');
  });
});

describe('what npm has installed', () => {
  const locked = {
    '': {},
    'node_modules/a': { version: '1.0.0', integrity: 'x' },
    'node_modules/other-platform': { version: '1.0.0', optional: true },
  };

  it('fits the lock file without the optional packages', () => {
    expect(satisfiesLock(locked, { 'node_modules/a': { version: '1.0.0', integrity: 'x' } })).to.equal(true);
  });

  it('does not fit it when a package is missing, of another version or of other content', () => {
    expect(satisfiesLock(locked, {})).to.equal(false);
    expect(satisfiesLock(locked, { 'node_modules/a': { version: '1.0.1', integrity: 'x' } })).to.equal(false);
    expect(satisfiesLock(locked, { 'node_modules/a': { version: '1.0.0', integrity: 'y' } })).to.equal(false);
  });
});
