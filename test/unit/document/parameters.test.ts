import { expect } from 'chai';
import { z } from 'zod';
import { openDocument } from '../../../src/document/document.js';
import { DocumentError } from '../../../src/document/error.js';
import { substitute } from '../../../src/document/parameters.js';

/** "${name}", which no text of this file may contain by accident. */
const ref = (name: string): string => `\${${name}}`;

describe('parameters of documents', () => {
  const parameters = { rate: '10mbit', count: 3, reverse: true };
  const filled = (value: unknown): unknown => substitute(value, parameters).value;

  it('keep their kind where they stand alone, and are text elsewhere', () => {
    const value = { a: ref('count'), b: ref('reverse'), c: `x${ref('count')}y${ref('rate')}` };
    expect(filled(value)).to.deep.equal({ a: 3, b: true, c: 'x3y10mbit' });
  });

  it('are replaced in lists, in nested maps and in keys', () => {
    const value = [{ [`path${ref('count')}`]: [ref('rate')] }, 7, null];
    expect(filled(value)).to.deep.equal([{ path3: ['10mbit'] }, 7, null]);
  });

  it('leave a doubled dollar and other dollars as they are meant', () => {
    expect(filled(`$${ref('HOME')} $HOME $$ ${ref('rate')}`)).to.equal(`${ref('HOME')} $HOME $$ 10mbit`);
  });

  it('are not looked up in values of parameters', () => {
    expect(substitute(ref('a'), { a: ref('b'), b: 1 })).to.deep.equal({ value: ref('b'), unknown: [] });
  });

  it('that do not exist are named with their place', () => {
    const { unknown } = substitute({ links: { l: { rate: ref('raet') } } }, parameters);
    expect(unknown.map(({ path, at }) => ({ path, at }))).to.deep.equal([
      { path: ['links', 'l', 'rate'], at: 'value' },
    ]);
    expect(unknown[0]!.message).to.include(`did you mean ${ref('rate')}?`);
  });

  it('leave the places of other mistakes as they are in the file', () => {
    const schema = z.strictObject({ a: z.string(), b: z.int() });
    const text = `a: ${ref('rate')}${ref('rate')}\nb:   ${ref('rate')}\n`;
    const read = () => openDocument(schema, text, 'f.yaml', parameters);
    expect(read).to.throw(DocumentError, 'f.yaml:2:6: b: expected a number, not "10mbit"');
  });

  it('must be quoted in flow style, and a message says so', () => {
    const read = () => openDocument(z.unknown(), `{ a: ${ref('rate')} }`, 'f.yaml', parameters);
    expect(read).to.throw(DocumentError, 'f.yaml:1:7: a parameter inside { } or [ ]; quote the value');
  });

  it('are left alone in documents that have none', () => {
    const schema = z.strictObject({ a: z.string() });
    expect(openDocument(schema, `a: ${ref('x')}`, 'f.yaml').value).to.deep.equal({ a: ref('x') });
  });
});
