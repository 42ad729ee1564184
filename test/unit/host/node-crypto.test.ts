import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { nodeCrypto } from '../../../src/host/node-crypto.js';

describe('cryptography by node', () => {
  it('lets two key pairs agree on one secret, and others not', () => {
    const [a, b, c] = [nodeCrypto.keyPair(), nodeCrypto.keyPair(), nodeCrypto.keyPair()];
    expect(a.publicKey).to.have.length(32);
    const secret = a.agree(b.publicKey);
    expect(secret).to.have.length(32);
    expect(b.agree(a.publicKey)).to.deep.equal(secret);
    expect(c.agree(a.publicKey)).not.to.deep.equal(secret);
  });

  it('refuses points of low order and keys of another length', () => {
    const { agree } = nodeCrypto.keyPair();
    const lowOrder = new Uint8Array(32);
    expect(() => agree(lowOrder)).to.throw();
    lowOrder[0] = 1;
    expect(() => agree(lowOrder)).to.throw();
    expect(() => agree(new Uint8Array(31).fill(9))).to.throw();
  });

  it('hashes the parts as one', () => {
    const parts = ['a', '', 'bc'].map((text) => Buffer.from(text));
    expect(Buffer.from(nodeCrypto.sha256(...parts)).toString('hex')).to.equal(
      createHash('sha256').update('abc').digest('hex'),
    );
  });

  it('gives as many random bytes as asked for', () => {
    expect(nodeCrypto.randomBytes(8)).to.have.length(8);
    expect(nodeCrypto.randomBytes(8)).not.to.deep.equal(nodeCrypto.randomBytes(8));
  });
});
