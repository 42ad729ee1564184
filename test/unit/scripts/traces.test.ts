import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parseTrace } from '../../../lab/emulation/trace-file.js';
import { traces } from '../../../scripts/traces.mjs';

const FOLDER = new URL('../../../lab/topologies/traces/', import.meta.url);
const PAPER = { wifi: { kbit: 4500, delayUs: 8100 }, lte: { kbit: 4300, delayUs: 17_950 } };

describe('the traces of topologies', () => {
  it('are those that scripts/traces.mjs makes', () => {
    expect(readdirSync(FOLDER)).to.have.members([...traces().keys()]);
    for (const [file, text] of traces()) expect(readFileSync(new URL(file, FOLDER), 'utf8'), file).to.equal(text);
  });

  it('have the mean rates and delays of the paper, and vary', () => {
    for (const [file, text] of traces()) {
      const trace = parseTrace(text);
      if (trace.kind !== 'rates') throw new TypeError(`${file} is no time series`);
      const { kbit, delayUs } = PAPER[file.startsWith('wifi') ? 'wifi' : 'lte'];
      const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
      const rates = trace.rows.map(({ rateBps }) => rateBps / 1000);
      expect(mean(rates) / kbit, file).to.be.closeTo(1, 0.001);
      expect(mean(trace.rows.map((row) => row.delayUs)) / delayUs, file).to.be.closeTo(1, 0.001);
      expect(Math.max(...rates) / Math.min(...rates), file).to.be.greaterThan(1.5);
      expect(trace.periodUs, file).to.equal(30e6);
    }
  });
});
