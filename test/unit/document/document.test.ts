import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { z } from 'zod';
import { openDocument, parseDocument, readDocument } from '../../../src/document/document.js';
import { DocumentError } from '../../../src/document/error.js';
import { malformed } from './malformed.js';
import { topology } from './schema.js';

function failure(action: () => unknown): DocumentError {
  try {
    action();
  } catch (error) {
    if (error instanceof DocumentError) return error;
    throw error;
  }
  throw new Error('the document was accepted');
}

describe('a checked document', () => {
  it('is turned into the value of its schema, quantities in base units', () => {
    const text = [
      'name: two-paths',
      'links:',
      '  path1: { ends: [a, b], rate: 1.5gbit, delay: 1.5ms, loss: 0.1%, limit: 64kib, subnet: FD00:1::/64 }',
      '  path2: { ends: [a, b], rate: 40Mbit/s, address: 10.1.2.3/8, gateway: FD00:0:0::1 }',
    ].join('\n');
    expect(parseDocument(topology, text, 'x.yaml')).to.deep.equal({
      name: 'two-paths',
      links: {
        path1: {
          ends: ['a', 'b'],
          rate: 1.5e9,
          delay: 1500,
          loss: 0.001,
          limit: 65536,
          subnet: { address: 'fd00:1::', family: 6, prefix: 64 },
        },
        path2: {
          ends: ['a', 'b'],
          rate: 40e6,
          delay: 0,
          address: { address: '10.1.2.3', family: 4, prefix: 8 },
          gateway: 'fd00::1',
        },
      },
    });
  });

  it('may be empty, or hold only comments, where nothing is required', () => {
    const schema = z.strictObject({ port: z.int().default(6747) });
    for (const text of ['', '\n', '# nothing here\n', '---\n', 'null\n', '\ufeff']) {
      expect(parseDocument(schema, text, 'x.yaml'), JSON.stringify(text)).to.deep.equal({ port: 6747 });
    }
  });

  it('may say a thing once and refer to it', () => {
    const text = 'name: x\nlinks:\n  p1: &link { ends: [a, b], rate: 1mbit }\n  p2: *link\n';
    expect(parseDocument(topology, text, 'x.yaml').links).to.have.all.keys('p1', 'p2');
  });

  describe('tells its author about', () => {
    for (const { title, text, error } of malformed) {
      it(title, () => {
        expect(failure(() => parseDocument(topology, text, 'two-paths.yaml')).message).to.equal(error);
      });
    }

    it('nesting without end', () => {
      const { problems } = failure(() => parseDocument(topology, '['.repeat(3000), 'x.yaml'));
      expect(problems.map(({ message }) => message)).to.deep.equal(['is nested too deeply']);
    });

    it('a fault far to the right, with the part of the line around it', () => {
      const text = `{ name: ${'x'.repeat(300)}, hosts: 99, links: {} }`;
      const { message, problems } = failure(() => parseDocument(topology, text, 'x.yaml'));
      const [, source, pointer] = message.split('\n') as [string, string, string];
      expect(problems[0]).to.include({ line: 1, column: text.indexOf('99') + 1, length: 2 });
      expect(source.slice(pointer.indexOf('^'), pointer.lastIndexOf('^') + 1)).to.equal('99');
    });

    it('escape sequences without sending them to the terminal', () => {
      const { message } = failure(() =>
        parseDocument(topology, 'name: x\nlinks: {}\n"\\e[2J": "\u009b31m"\n', 'x.yaml'),
      );
      expect(message.replaceAll('\n', '')).not.to.match(/\p{Cc}/u);
    });
  });

  it('reports problems in the order of the file', () => {
    const { problems } = failure(() => parseDocument(topology, 'zz: 1\nhosts: 0\nname: 3\n', 'x.yaml'));
    expect(problems.map(({ line, path }) => [line, path])).to.deep.equal([
      [1, 'links'],
      [1, 'zz'],
      [2, 'hosts'],
      [3, 'name'],
    ]);
  });

  it('never fails in another way, whatever is in it', () => {
    const piece = fc.constantFrom(
      ...[
        'name',
        'links',
        'x',
        ': ',
        '- ',
        '\n',
        '  ',
        '\t',
        '{',
        '}',
        '[',
        ']',
        ',',
        '"',
        "'",
        '&a ',
        '*a',
        '!t ',
        '|',
        '>',
      ],
      ...[
        '#',
        '? ',
        '---\n',
        '...\n',
        '%',
        '1',
        '1e999',
        '.nan',
        '0x',
        '\0',
        '\u{1f600}',
        '\ud800',
        '<<: ',
        '__proto__: ',
      ],
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece, { maxLength: 30 }).map((all) => all.join('')),
          fc.string(),
        ),
        (text) => {
          try {
            parseDocument(topology, text, 'x.yaml');
          } catch (error) {
            expect(error).to.be.instanceOf(DocumentError);
            const { problems } = error as DocumentError;
            const lines = text.split(/\r\n|\n|\r/);
            expect(problems).not.to.have.length(0);
            for (const { line, column } of problems) {
              expect(line).to.be.within(1, lines.length);
              expect(column).to.be.within(1, (lines[line - 1] as string).length + 2);
            }
          }
        },
      ),
      { numRuns: 2000, seed: 6747 },
    );
  });
});

describe('a check beyond the schema', () => {
  const text = 'name: x\nlinks:\n  path1:\n    ends: [a, zz]\n    rate: 1mbit\n';

  it('reports at a value, at a key, and at the parent of what is missing', () => {
    const document = openDocument(topology, text, 'x.yaml');
    const path = ['links', 'path1'];
    expect(document.problemAt([...path, 'ends', 1], 'no node is called "zz"')).to.deep.equal({
      file: 'x.yaml',
      line: 4,
      column: 15,
      length: 2,
      path: 'links.path1.ends[1]',
      message: 'no node is called "zz"',
    });
    expect(document.problemAt(path, 'm', 'key')).to.include({ line: 3, column: 3, length: 5 });
    expect(document.problemAt([...path, 'a->b', 'rate'], 'm')).to.include({
      line: 3,
      column: 3,
      path: 'links.path1.a->b.rate',
    });
    expect(document.problemAt([], 'm')).to.include({ line: 1, column: 1, path: '' });
    expect(document.problemAt(['a.b', 'c d'], 'm').path).to.equal('["a.b"]["c d"]');
  });

  it('rejects the document when there is a problem, and only then', () => {
    const document = openDocument(topology, text, 'x.yaml');
    document.reject([]);
    const error = failure(() => document.reject([document.problemAt(['links', 'path1', 'ends', 1], 'no such node')]));
    expect(error.code).to.equal('E_DOCUMENT');
    expect(error.message).to.equal(
      'x.yaml:4:15: links.path1.ends[1]: no such node\n  4 |     ends: [a, zz]\n    |               ^^',
    );
  });
});

describe('a document in a file', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mpip-document-'));
  });
  after(() => rm(folder, { recursive: true }));

  async function readFailure(file: string): Promise<string> {
    const error: unknown = await readDocument(topology, file).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(DocumentError);
    return (error as DocumentError).message;
  }

  it('is read and checked', async () => {
    const file = join(folder, 'good.yaml');
    await writeFile(file, '\ufeffname: x\r\nlinks: {}\r\n');
    expect(await readDocument(topology, file)).to.deep.equal({ name: 'x', links: {} });
  });

  it('that is not there, is a folder or is not text is a problem of the document', async () => {
    const binary = join(folder, 'binary.yaml');
    await writeFile(binary, Uint8Array.of(0x61, 0xff, 0xfe));
    expect(await readFailure(join(folder, 'none.yaml'))).to.equal(`${folder}/none.yaml:1:1: no such file`);
    expect(await readFailure(folder)).to.equal(`${folder}:1:1: is a directory`);
    expect(await readFailure(binary)).to.equal(`${binary}:1:1: is not UTF-8 text`);
  });

  it('that is far too long is not parsed', async () => {
    const file = join(folder, 'long.yaml');
    await writeFile(file, '#'.repeat((4 << 20) + 1));
    expect(await readFailure(file)).to.match(/is too long: 4194305 bytes; at most 4194304$/);
  });
});
