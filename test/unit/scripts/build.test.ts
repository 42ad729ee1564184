import { existsSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { build, buildObstacle, sourceFingerprint } from '../../../scripts/build.mjs';
import { ROOT } from '../../../scripts/setup.mjs';
import { TemporaryFolder } from './temporary-folder.js';

describe('the fingerprint of the sources', () => {
  let folder: TemporaryFolder;
  beforeEach(() => {
    folder = new TemporaryFolder();
    folder.write('src/core/a.ts', 'one');
    folder.write('lab/b.ts', 'two');
    folder.write('tsconfig.json', '{}');
  });
  afterEach(() => folder[Symbol.dispose]());

  const changedBy = (change: () => void): boolean => {
    const before = sourceFingerprint(folder.path);
    change();
    return sourceFingerprint(folder.path) !== before;
  };

  it('stays the same while nothing changes, whatever happens to files that are not built from', () => {
    expect(changedBy(() => {})).to.equal(false);
    expect(changedBy(() => folder.write('lab/README.md', '# lab'))).to.equal(false);
    expect(changedBy(() => folder.write('test/unit/x.test.ts', ''))).to.equal(false);
  });

  it('changes with an edit, a new file, a removed file, an older version put back, and the settings', () => {
    expect(changedBy(() => folder.write('src/core/a.ts', 'longer'))).to.equal(true);
    expect(changedBy(() => folder.write('experiments/c.ts', ''))).to.equal(true);
    expect(changedBy(() => folder.write('lab/topologies/x.yaml', 'name: x'))).to.equal(true);
    expect(changedBy(() => rmSync(join(folder.path, 'lab/b.ts')))).to.equal(true);
    expect(changedBy(() => utimesSync(join(folder.path, 'src/core/a.ts'), 1, 1))).to.equal(true);
    expect(changedBy(() => folder.write('tsconfig.json', '{ }'))).to.equal(true);
  });
});

describe('the build', function () {
  this.timeout(60_000);
  let folder: TemporaryFolder;
  const output = (name: string): string => join(folder.path, 'dist', name);

  before(async () => {
    folder = new TemporaryFolder();
    symlinkSync(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'));
    for (const name of ['tsconfig.json', 'tsconfig.build.json']) {
      folder.write(name, readFileSync(join(ROOT, name), 'utf8'));
    }
    folder.write('package.json', '{ "type": "module", "bin": { "tool": "dist/src/tool.js" } }');
    folder.write('src/tool.ts', 'export const answer: number = 42;\n');
    folder.write('src/old.ts', 'export const old = 1;\n');
    folder.write('lab/topologies/old.yaml', 'name: old\n');
    folder.write('lab/topologies/one.yaml', 'name: one\n');
    expect(buildObstacle(folder.path)).to.equal('not built yet');
    expect(await build(folder.path)).to.deep.equal({ ok: true, output: '' });
  });
  after(() => folder[Symbol.dispose]());

  it('compiles, copies the data beside the code, makes the commands executable and needs no second run', () => {
    expect(readFileSync(output('src/tool.js'), 'utf8')).to.include('answer = 42');
    expect(readFileSync(output('lab/topologies/one.yaml'), 'utf8')).to.equal('name: one\n');
    expect(statSync(output('src/tool.js')).mode & 0o111).to.equal(0o111);
    expect(buildObstacle(folder.path)).to.equal(undefined);
  });

  it('removes the output of sources that are gone', async () => {
    rmSync(join(folder.path, 'src/old.ts'));
    rmSync(join(folder.path, 'lab/topologies/old.yaml'));
    expect(buildObstacle(folder.path)).to.equal('sources changed');
    await build(folder.path);
    for (const gone of ['src/old.js', 'src/old.js.map', 'src/old.d.ts', 'lab/topologies/old.yaml']) {
      expect(existsSync(output(gone)), gone).to.equal(false);
    }
    expect(existsSync(output('lab/topologies/one.yaml'))).to.equal(true);
    expect(existsSync(output('src/tool.js'))).to.equal(true);
  });

  it('that fails says why, keeps the last good output and stays due', async () => {
    folder.write('src/tool.ts', 'export const answer: number = "forty-two";\n');
    const { ok, output: text } = await build(folder.path);
    expect(ok).to.equal(false);
    expect(text).to.include('src/tool.ts(1,14): error TS2322');
    expect(readFileSync(output('src/tool.js'), 'utf8')).to.include('answer = 42');
    expect(buildObstacle(folder.path)).to.equal('not built yet');
  });
});
