import type { GatherBatch } from '../../../src/core/batch.js';
import type { Memory } from '../../../src/core/memory.js';

/** UIO_MAXIOV of Linux. */
const MAX_PIECES = 1024;

/** The pieces of a batch's message in one. Throws for what the kernel would refuse. */
export function gathered({ bytes }: Memory, batch: GatherBatch, message: number): Uint8Array {
  const from = batch.firstPiece[message]!;
  const to = batch.firstPiece[message + 1]!;
  if (to === from || to - from > MAX_PIECES) throw new Error(`a message of ${to - from} pieces`);
  let total = 0;
  for (let i = from; i < to; i++) {
    const [offset, length] = [batch.pieceOffset[i]!, batch.pieceBytes[i]!];
    if (length < 0 || offset < 0 || offset + length > bytes.length) {
      throw new Error(`piece of ${length} bytes at ${offset}`);
    }
    total += length;
  }
  const out = new Uint8Array(total);
  let at = 0;
  for (let i = from; i < to; i++) {
    const offset = batch.pieceOffset[i]!;
    out.set(bytes.subarray(offset, offset + batch.pieceBytes[i]!), at);
    at += batch.pieceBytes[i]!;
  }
  return out;
}
