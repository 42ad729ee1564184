import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadNodeId, NodeIdError } from '../../../src/daemon/node-id.js';

describe('the node id', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mpip-node-id-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is made once, kept for its owner alone, and read from then on', async () => {
    const file = join(folder, 'deep', 'down', 'node-id');
    const first = await loadNodeId(file);
    expect(first).to.have.length(8);
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
    expect(await readFile(file, 'latin1')).to.equal(`${Buffer.from(first).toString('hex')}\n`);
    expect(await loadNodeId(file)).to.deep.equal(first);
  });

  it('is the same for all that start at once, and no draft stays', async () => {
    const file = join(folder, 'node-id');
    const ids = await Promise.all(Array.from({ length: 20 }, () => loadNodeId(file)));
    expect(new Set(ids.map((id) => Buffer.from(id).toString('hex'))).size).to.equal(1);
    expect(await readdir(folder)).to.deep.equal(['node-id']);
  });

  for (const [what, text] of Object.entries({
    empty: '',
    short: 'abc\n',
    'not hex': 'zzzzzzzzzzzzzzzz\n',
    long: `${'0'.repeat(17)}\n`,
  })) {
    it(`is not replaced when the file is ${what}`, async () => {
      const file = join(folder, 'node-id');
      await writeFile(file, text);
      const error: unknown = await loadNodeId(file).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(NodeIdError);
      expect((error as NodeIdError).message).to.equal(
        `node id ${file}: is damaged: expected 16 hex digits; delete the file to get a new id`,
      );
      expect(await readFile(file, 'latin1')).to.equal(text);
    });
  }

  it('names the file when it cannot be read or made', async () => {
    await mkdir(join(folder, 'node-id'));
    await writeFile(join(folder, 'file'), '');
    for (const file of [join(folder, 'node-id'), join(folder, 'file', 'node-id')]) {
      const error: unknown = await loadNodeId(file).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(NodeIdError);
      expect((error as NodeIdError).file).to.equal(file);
    }
  });
});
