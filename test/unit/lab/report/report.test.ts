import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { exitStatusOf } from '../../../../lab/cli/exit-status.js';
import { makeReport } from '../../../../lab/cli/report.js';
import { LabError } from '../../../../lab/error.js';
import { css, html, printable } from '../../../../lab/report/html.js';
import { byExperiment } from '../../../../lab/report/runs.js';
import type { ResultDocument } from '../../../../lab/results/document.js';
import type { FoundResult } from '../../../../lab/results/find.js';
import { exampleResult } from '../example-result.js';

describe('HTML of the report', () => {
  it('escapes all that goes into a template but HTML, in lists and attributes too', () => {
    const bad = `<b a="1" b='2'>&amp;`;
    const good = '&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;amp;';
    expect(String(html`<p title="${bad}">${[bad, html`<br>`, [1, bad]]}</p>`)).to.equal(
      `<p title="${good}">${good}<br>1${good}</p>`,
    );
  });

  it('shows control characters, turned writing and halves of characters as dots', () => {
    expect(printable('a\u0000b\u001b[2Jc\u202ed\ud800e\tf\ng')).to.equal('a·b·[2Jc·d·e\tf\ng');
    expect(printable('é 日本 👍')).to.equal('é 日本 👍');
  });

  it('takes no style sheet that could end its element', () => {
    expect(() => css('a::before { content: "</style>" }')).to.throw(TypeError);
  });
});

describe('order of the report', () => {
  const found = (directory: string, changes: Partial<ResultDocument>): FoundResult => ({
    directory,
    document: { ...exampleResult(), ...changes },
    figure: null,
    topology: null,
  });

  it('has figures of the paper first, and the runs of each with the newest first', () => {
    const groups = byExperiment([
      found('r/aside/1', { experiment: 'aside', paper: null }),
      found('r/fig10/1', { experiment: 'fig10' }),
      found('r/fig9/old', { experiment: 'fig9', started: '2026-11-24T06:20:00.000Z' }),
      found('r/fig9/new', { experiment: 'fig9', started: '2026-11-24T06:20:00.001Z' }),
    ]);
    expect(groups.map(({ name, runs }) => [name, runs.map(({ directory }) => directory)])).to.deep.equal([
      ['fig9', ['r/fig9/new', 'r/fig9/old']],
      ['fig10', ['r/fig10/1']],
      ['aside', ['r/aside/1']],
    ]);
  });

  it('takes the combinations of a sweep as one run, which started with its first', () => {
    const part = (rate: string, minute: string, folder = `rate=${rate}`): FoundResult =>
      found(`r/s/t/${folder}`, { experiment: 's', parameters: { rate }, started: `2026-11-24T06:${minute}:00.000Z` });
    const [{ runs }] = byExperiment([
      part('10mbit', '30'),
      part('9mbit', '20'),
      part('10mbit', '40', 'rate=10mbit-2'),
    ]) as [ReturnType<typeof byExperiment>[number]];
    expect(runs).to.have.length(1);
    expect(runs[0]!.directory).to.equal('r/s/t');
    expect(runs[0]!.started).to.equal('2026-11-24T06:20:00.000Z');
    expect(runs[0]!.parts.map(({ directory }) => directory)).to.deep.equal([
      'r/s/t/rate=9mbit',
      'r/s/t/rate=10mbit',
      'r/s/t/rate=10mbit-2',
    ]);
  });
});

describe('mpip-lab report', () => {
  let directory: string;
  let root: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'mpip-report-test-'));
    root = join(directory, 'results');
    for (const experiment of ['fig4a', 'other']) {
      mkdirSync(join(root, experiment, 'a'), { recursive: true });
      writeFileSync(join(root, experiment, 'a/result.json'), JSON.stringify({ ...exampleResult(), experiment }));
      writeFileSync(
        join(root, experiment, 'a/figure.svg'),
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
      );
    }
  });

  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const headings = (file: string): string[] =>
    [...readFileSync(file, 'utf8').matchAll(/<h2>(.*?)<\/h2>/g)].map(([, name]) => name!);
  const refusal = async (names: readonly string[], results: string): Promise<unknown> => {
    try {
      await makeReport(names, { results });
    } catch (error) {
      return error;
    }
    throw new Error('a report was made');
  };

  it('is of all results, or of those that are named by experiment or folder', async () => {
    const { file } = await makeReport([], { results: root });
    expect(file).to.equal(join(root, 'report.html'));
    expect(headings(file)).to.deep.equal(['fig4a', 'other']);
    const output = join(directory, 'deep/own.html');
    await makeReport(['other'], { results: root, output });
    expect(headings(output)).to.deep.equal(['other']);
    await makeReport([join(root, 'fig4a/a/result.json'), 'fig4a'], { results: root, output });
    expect(headings(output)).to.deep.equal(['fig4a']);
    expect(readFileSync(output, 'utf8')).to.include('1 experiment, 1 run;');
    expect(readdirSync(join(directory, 'deep'))).to.deep.equal(['own.html']);
  });

  it('tells what there is when a name is of nothing, which is bad input', async () => {
    mkdirSync(join(directory, 'empty'));
    for (const [names, results, message] of [
      [['fig9'], root, `no results of fig9 in ${root}, which has fig4a, other`],
      [[], join(directory, 'none'), 'there is no folder'],
      [[], join(directory, 'empty'), 'no results in'],
    ] as const) {
      const error = await refusal(names, results);
      expect(error).to.be.instanceOf(LabError).with.property('code', 'E_LAB_RESULTS');
      expect((error as LabError).message).to.include(message);
      expect(exitStatusOf(error)).to.equal(2);
    }
  });

  it('is made where there is nothing but broken results, and names them', async () => {
    for (const experiment of ['fig4a', 'other']) writeFileSync(join(root, experiment, 'a/result.json'), '{');
    const { file, found } = await makeReport([], { results: root });
    expect(found.unreadable.map(({ reason }) => reason.replace(/:.*/, ''))).to.deep.equal(['not JSON', 'not JSON']);
    expect(readFileSync(file, 'utf8')).to.include('fig4a/a/result.json');
  });
});
