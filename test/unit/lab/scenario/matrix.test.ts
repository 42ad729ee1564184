import { expect } from 'chai';
import fc from 'fast-check';
import { combinationFolder, parameterText } from '../../../../lab/results/combination.js';
import { combinations, distinguishing } from '../../../../lab/scenario/matrix.js';

describe('a matrix of parameters', () => {
  it('gives every combination, the last parameter changing first', () => {
    expect(combinations({ rate: ['1mbit', '2mbit'], flows: [1, 4] })).to.deep.equal([
      { rate: '1mbit', flows: 1 },
      { rate: '1mbit', flows: 4 },
      { rate: '2mbit', flows: 1 },
      { rate: '2mbit', flows: 4 },
    ]);
  });

  it('that is empty gives one combination of nothing', () => {
    expect(combinations({})).to.deep.equal([{}]);
  });

  it('gives as many different combinations as the product of its lists', () => {
    const lists = fc.dictionary(
      fc.stringMatching(/^[a-z]{1,6}$/),
      fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 4 }),
      { maxKeys: 4 },
    );
    fc.assert(
      fc.property(lists, (matrix) => {
        const all = combinations(matrix);
        expect(all).to.have.length(Object.values(matrix).reduce((product, { length }) => product * length, 1));
        expect(new Set(all.map((each) => JSON.stringify(each))).size).to.equal(all.length);
      }),
    );
  });

  it('has combinations with names for people and for folders', () => {
    const parameters = { rate: '1mbit', command: 'a / b;c', loss: '1%' };
    const text = parameterText(parameters);
    expect(text).to.equal('rate=1mbit, command=a / b;c, loss=1%');
    expect(combinationFolder(text)).to.equal('rate=1mbit_command=a-b-c_loss=1%');
  });

  it('tells combinations apart by as few of their first parameters as will do', () => {
    const rows = [
      { network: 'WiFi', rate: '4mbit', delay: '38ms' },
      { network: 'WiFi', rate: '1mbit', delay: '38ms' },
      { network: 'hotspot', rate: '1mbit', delay: '38ms' },
    ];
    expect(distinguishing(rows)).to.deep.equal(rows.map(({ network, rate }) => ({ network, rate })));
    expect(distinguishing(rows.slice(1))).to.deep.equal([{ network: 'WiFi' }, { network: 'hotspot' }]);
    expect(distinguishing([{}])).to.deep.equal([{}]);
  });
});
