import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { metricTable, ResultDocumentSchema, resultJsonSchema } from '../../../../lab/results/document.js';
import { storeResult } from '../../../../lab/results/store.js';
import { exampleResult } from '../example-result.js';

const FIGURE = { svg: '<svg/>', png: new Uint8Array([137, 80, 78, 71]) };

describe('result document', () => {
  it('is accepted as it is and refused with an unknown key or a number that JSON cannot hold', () => {
    const document = exampleResult();
    expect(ResultDocumentSchema.parse(JSON.parse(JSON.stringify(document)))).to.deep.equal(document);
    expect(ResultDocumentSchema.safeParse({ ...document, note: 1 }).success).to.equal(false);
    expect(ResultDocumentSchema.safeParse({ ...document, limit_bps: Number.NaN }).success).to.equal(false);
  });

  it('gives its metrics the names that claims use', () => {
    const table = metricTable(exampleResult());
    expect(table.get('limit_bps')).to.equal(55.76e6);
    expect(table.get('mpip.download.goodput_bps')).to.equal(55.2e6);
    expect(table.get('ip.limit_bps')).to.equal(38.26e6);
    expect(metricTable({ arms: {}, limit_bps: null }).size).to.equal(0);
  });

  it('has its JSON Schema in docs/result.schema.json (UPDATE_DOCS=1 writes it again)', async () => {
    const file = new URL('../../../../docs/result.schema.json', import.meta.url);
    const current = `${JSON.stringify(resultJsonSchema(), null, 2)}\n`;
    if (process.env.UPDATE_DOCS === '1') await writeFile(file, current);
    expect(JSON.parse(await readFile(file, 'utf8'))).to.deep.equal(JSON.parse(current));
  });
});

describe('store of results', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'mpip-results-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('writes result.json, figure.svg and figure.png into a folder of the experiment and the time', async () => {
    const stored = await storeResult(root, exampleResult(), FIGURE);
    expect(stored.directory).to.equal(join(root, 'fig4a', '2026-11-24T062000Z'));
    expect((await readdir(stored.directory)).sort()).to.deep.equal(['figure.png', 'figure.svg', 'result.json']);
    expect(JSON.parse(await readFile(stored.json, 'utf8'))).to.deep.equal(exampleResult());
    expect(new Uint8Array(await readFile(stored.png))).to.deep.equal(FIGURE.png);
  });

  it('writes nothing that breaks the schema', async () => {
    const broken = { ...exampleResult(), duration_s: Number.POSITIVE_INFINITY };
    const failure = await storeResult(root, broken, FIGURE).then(
      () => null,
      (error: Error) => error.name,
    );
    expect(failure).to.equal('ZodError');
    expect(await readdir(root)).to.deep.equal([]);
  });

  it('keeps two results of the same second', async () => {
    const first = await storeResult(root, exampleResult(), FIGURE);
    const second = await storeResult(root, exampleResult(), FIGURE);
    expect(second.directory).to.not.equal(first.directory);
    expect(await readdir(join(root, 'fig4a'))).to.have.length(2);
  });
});
