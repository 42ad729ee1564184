/** The file that is served: made of its size and a seed on both sides, so that the client knows what it must get. */
import { createCipheriv, createHash } from 'node:crypto';

const BLOCK_BYTES = 64 << 10;

/** Its bytes in blocks: AES-128 in counter mode over zeros, which nothing on the way can shrink or guess. */
export function* contentOf(bytes: number, seed: string): Generator<Buffer> {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  const stream = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(BLOCK_BYTES);
  for (let left = bytes; left > 0; left -= BLOCK_BYTES)
    yield stream.update(zeros.subarray(0, Math.min(left, BLOCK_BYTES)));
}

/** SHA-256 in hexadecimal. */
export function contentHash(bytes: number, seed: string): string {
  const hash = createHash('sha256');
  for (const block of contentOf(bytes, seed)) hash.update(block);
  return hash.digest('hex');
}
