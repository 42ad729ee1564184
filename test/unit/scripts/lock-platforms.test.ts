import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { platformEntry, unlockedOptionals } from '../../../scripts/lock-platforms.mjs';
import { ROOT } from '../../../scripts/setup.mjs';

describe('package-lock.json', () => {
  it('names the binaries of every platform, so that npm ci accepts it (npm run lock completes it)', () => {
    const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
    expect(Object.keys(packages)).to.have.length.above(100);
    expect(unlockedOptionals(packages).map(({ name }) => name)).to.deep.equal([]);
  });

  it('names no registry, so that each machine uses its own', () => {
    expect(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).not.to.include('"resolved"');
  });
});

describe('binaries that a lock file lacks', () => {
  it('are found at the package that asks for them or above it', () => {
    const asks = { version: '1.0.0', optionalDependencies: { '@t/linux-x64': '1.0.0' } };
    const present = { version: '1.0.0' };
    const missing = (packages: object) => unlockedOptionals(packages as never).map(({ name }) => name);
    expect(missing({ 'node_modules/t': asks })).to.deep.equal(['@t/linux-x64']);
    expect(missing({ 'node_modules/t': asks, 'node_modules/@t/linux-x64': present })).to.deep.equal([]);
    expect(missing({ 'node_modules/t': asks, 'node_modules/t/node_modules/@t/linux-x64': present })).to.deep.equal([]);
    expect(missing({ 'node_modules/u/node_modules/t': asks, 'node_modules/@t/linux-x64': present })).to.deep.equal([]);
    expect(missing({ 'node_modules/t': asks, 'node_modules/u/node_modules/@t/linux-x64': present })).to.deep.equal([
      '@t/linux-x64',
    ]);
  });

  it('get an entry whose platform comes from their name', () => {
    expect(platformEntry('@t/cli-linux-x64-musl', '1.2.3', { dev: true })).to.deep.equal({
      version: '1.2.3',
      cpu: ['x64'],
      dev: true,
      libc: ['musl'],
      optional: true,
      os: ['linux'],
    });
    expect(platformEntry('@t/binding-win32-arm64-msvc', '1.2.3', {})).to.deep.equal({
      version: '1.2.3',
      cpu: ['arm64'],
      optional: true,
      os: ['win32'],
    });
  });

  it('get none when they are no binary of one platform', () => {
    expect(() => platformEntry('fsevents', '1.2.3', {})).to.throw('fsevents@1.2.3');
    expect(() => platformEntry('@t/linux-x64', '^1.2.3', {})).to.throw('@t/linux-x64@^1.2.3');
  });
});
