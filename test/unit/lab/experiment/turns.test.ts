import { setImmediate as rest } from 'node:timers/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { Turn, Turns } from '../../../../lab/experiment/turns.js';

describe('turns at the machine', () => {
  it('are alone one at a time, or shared by many, and nobody waits for ever', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }), fc.scheduler(), async (kinds, s) => {
        const turns = new Turns();
        const now = { alone: 0, shared: 0 };
        const work = async (alone: boolean): Promise<void> => {
          using turn = new Turn(turns);
          await (alone ? turn.alone() : turn.share());
          now[alone ? 'alone' : 'shared']++;
          expect(now.alone === 0 || (now.alone === 1 && now.shared === 0), JSON.stringify(now)).to.equal(true);
          await s.schedule(Promise.resolve());
          now[alone ? 'alone' : 'shared']--;
        };
        const all = Promise.all(kinds.map((kind) => s.schedule(Promise.resolve()).then(() => work(kind))));
        await s.waitFor(all);
      }),
      { numRuns: 200 },
    ));

  it('are for those first who want to be alone', async () => {
    const turns = new Turns();
    const order: string[] = [];
    const [first, second, third] = [new Turn(turns), new Turn(turns), new Turn(turns)] as const;
    await first.alone();
    const waiting = [third.share().then(() => order.push('third')), second.alone().then(() => order.push('second'))];
    const firstShares = first.share().then(() => order.push('first'));
    await waiting[1];
    await rest();
    expect(order).to.deep.equal(['second']);
    second[Symbol.dispose]();
    await Promise.all([...waiting, firstShares]);
    expect(order.slice(1).sort()).to.deep.equal(['first', 'third']);
  });

  it('that are given up while they are awaited, or taken at that moment, hold nobody up', async () => {
    const turns = new Turns();
    const [holder, leaver, next] = [new Turn(turns), new Turn(turns), new Turn(turns)] as const;
    await holder.share();
    const leaving = new AbortController();
    const gone = leaver.alone(leaving.signal).catch((error: unknown) => error);
    const shared = next.share();
    await rest();
    leaving.abort('enough');
    expect(await gone).to.equal('enough');
    await shared;
    holder[Symbol.dispose]();
    next[Symbol.dispose]();

    await holder.alone();
    const late = new AbortController();
    const taken = leaver.alone(late.signal).catch((error: unknown) => error);
    holder[Symbol.dispose]();
    late.abort('too late');
    await taken;
    leaver[Symbol.dispose]();
    await next.alone();
    next[Symbol.dispose]();
  });
});
