import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const DOCUMENT = join(ROOT, 'docs', 'library.md');

interface Example {
  readonly title: string;
  readonly code: string;
  /** What it prints. */
  readonly output: string;
}

/** Each program with what stands below it. */
function examples(): Example[] {
  const text = readFileSync(DOCUMENT, 'utf8');
  const found = [
    ...text.matchAll(/^## ([^\n]+)\n(?:(?!^## )[\s\S])*?```ts\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/gm),
  ];
  return found.map(([, title = '', code = '', output = '']) => ({ title, code, output }));
}

describe('an example of docs/library.md', function () {
  this.timeout(120_000);

  let directory: string;
  const files = new Map<string, string>();

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'mpip-library-'));
    for (const [index, { title, code }] of examples().entries()) {
      const file = join(directory, `example${index}.mts`);
      writeFileSync(file, code.replaceAll("'./lab/lab.js'", JSON.stringify(join(ROOT, 'lab', 'lab.js'))));
      files.set(title, file);
    }
  });

  after(() => rmSync(directory, { recursive: true }));

  it('has its output below it: no program is left out here', () => {
    const programs = readFileSync(DOCUMENT, 'utf8').match(/^```ts$/gm) ?? [];
    expect(examples()).to.have.lengthOf(programs.length);
  });

  it('has no type errors, in any of them', () => {
    const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, ROOT);
    const types = { types: ['node'], typeRoots: [join(ROOT, 'node_modules', '@types')] };
    const program = ts.createProgram([...files.values()], { ...options, ...types });
    const problems = [...files.values()].flatMap((file) => {
      const source = program.getSourceFile(file);
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    });
    expect(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).to.deep.equal([]);
  });

  for (const { title, output } of examples()) {
    it(`prints what the document says: ${title}`, () => {
      const file = files.get(title) ?? '';
      const printed = execFileSync(process.execPath, ['--import', 'tsx', file], { cwd: ROOT, encoding: 'utf8' });
      expect(printed).to.equal(output);
    });
  }
});
