import { createHash } from 'node:crypto';
import type { Crypto, KeyPair } from '../../../src/core/io.js';
import type { Random } from './random.js';

/**
 * Reproducible cryptography for virtual hosts: seeded bytes, real SHA-256, and a stand-in for X25519 on which both sides agree (anyone could
 * compute it, which no test here is about).
 */
export class SeededCrypto implements Crypto {
  constructor(private readonly random: Random) {}

  randomBytes(count: number): Uint8Array {
    return this.random.bytes(count);
  }

  keyPair(): KeyPair {
    const publicKey = this.random.bytes(32);
    return {
      publicKey,
      agree: (peer) => {
        if (peer.length !== 32) throw new RangeError(`a public key of ${peer.length} bytes`);
        if (peer.every((byte) => byte === 0)) throw new RangeError('low-order point');
        const [first, second] = Buffer.compare(publicKey, peer) < 0 ? [publicKey, peer] : [peer, publicKey];
        return this.sha256(first, second);
      },
    };
  }

  sha256(...parts: Uint8Array[]): Uint8Array {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(part);
    return hash.digest();
  }
}
