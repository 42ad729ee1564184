import { expect } from 'chai';
import { nearest } from '../../../src/document/nearest.js';

describe('the nearest word', () => {
  it('is one with few slips, or the same word in another spelling', () => {
    const allowed = ['node-id-file', 'min-delay', 'port', 'peers', 'mark'];
    const cases: Record<string, string> = {
      nodeIdFile: 'node-id-file',
      node_id_file: 'node-id-file',
      'NODE-ID-FILE': 'node-id-file',
      prot: 'port',
      por: 'port',
      peer: 'peers',
      'min-dleay': 'min-delay',
    };
    for (const [word, meant] of Object.entries(cases)) expect(nearest(word, allowed), word).to.equal(meant);
  });

  it('does not exist for a word that only shares some letters', () => {
    expect(nearest('colour', ['color-depth', 'hour', 'cold'])).to.equal(undefined);
    expect(nearest('a', ['b'])).to.equal(undefined);
    expect(nearest('', ['a'])).to.equal(undefined);
  });
});
