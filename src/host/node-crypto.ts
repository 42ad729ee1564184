import { createHash, createPublicKey, diffieHellman, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Crypto, KeyPair } from '../core/io.js';

const X25519 = { kty: 'OKP', crv: 'X25519' } as const;

/** The core's cryptography by OpenSSL. */
export const nodeCrypto: Crypto = {
  randomBytes: (count) => new Uint8Array(randomBytes(count)),

  keyPair(): KeyPair {
    const { publicKey, privateKey } = generateKeyPairSync('x25519');
    const raw = publicKey.export({ format: 'jwk' }).x as string;
    return {
      publicKey: new Uint8Array(Buffer.from(raw, 'base64url')),
      agree(peerPublicKey) {
        const x = Buffer.from(peerPublicKey).toString('base64url');
        const peer = createPublicKey({ key: { ...X25519, x }, format: 'jwk' });
        return new Uint8Array(diffieHellman({ privateKey, publicKey: peer }));
      },
    };
  },

  sha256(...parts) {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(part);
    return new Uint8Array(hash.digest());
  },
};
