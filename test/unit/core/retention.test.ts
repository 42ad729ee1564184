import { expect } from 'chai';
import { Memory } from '../../../src/core/memory.js';
import { type Resend, Retention } from '../../../src/core/node/retention.js';
import type { Path } from '../../../src/core/tables/paths.js';
import type { Session } from '../../../src/core/tables/sessions.js';

const SESSION = {} as Session;

function path(): Path {
  return { confirmedSentAt: Number.NEGATIVE_INFINITY } as Path;
}

describe('copies of what was sent', () => {
  const [first, second] = [path(), path()];

  function retention(count: number): Retention {
    const memory = new Memory(new Uint8Array(5 << 20));
    const kept = new Retention(memory);
    for (let i = 0; i < count; i++) kept.keep(SESSION, first, i, 0, 0, 20, 100, 500, i);
    return kept;
  }

  function handOver(kept: Retention, failed: Path, other: Path, failedAt = 50): number[] {
    const sent: number[] = [];
    const resend: Resend = (_session, _at, _headerBytes, _bytes, sequence) => {
      sent.push(sequence);
      return other;
    };
    kept.handOver(failed, failedAt, 1 << 20, resend, 50);
    return sent;
  }

  it('go to another path, oldest first, from the last that is known to have arrived', () => {
    const kept = retention(5);
    const failed = Object.assign(first, { confirmedSentAt: 2 });
    expect(handOver(kept, failed, second)).to.deep.equal([2, 3, 4]);
    expect(handOver(kept, failed, second)).to.deep.equal([]);
    Object.assign(first, path());
  });

  it('stay where they are when they were sent after the path failed: it is back', () => {
    expect(handOver(retention(5), first, second, 2)).to.deep.equal([0, 1, 2]);
  });

  it('do not go to and fro without end between paths that fail in turn', () => {
    const kept = retention(3);
    const rounds = [handOver(kept, first, second), handOver(kept, second, first), handOver(kept, first, second)];
    expect(rounds).to.deep.equal([[0, 1, 2], [0, 1, 2], []]);
  });
});
