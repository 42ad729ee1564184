import { expect } from 'chai';
import { comparisonOf } from '../../../../lab/results/comparison.js';
import type { ResultDocument } from '../../../../lab/results/document.js';
import { markdownSummary } from '../../../../lab/results/markdown.js';
import { summarizeCombinations } from '../../../../lab/results/summary.js';
import type { Workload } from '../../../../lab/workloads/kinds.js';
import { exampleResult } from '../example-result.js';

const METRIC = 'download.goodput_bps';
const DOWNLOAD: Workload = {
  name: 'download',
  type: 'iperf3',
  from: 'a',
  to: 'b',
  protocol: 'tcp',
  congestion: 'cubic',
  duration: 10,
  reverse: false,
  parallel: 1,
  rate: null,
};

/** Goodput of plain IP, MPIP and MPTCP, Mbit/s. */
function result(slow: string, ...goodput: readonly number[]): ResultDocument {
  const document = exampleResult();
  Object.values(document.arms).forEach((arm, i) => {
    arm.metrics = { [METRIC]: goodput[i]! * 1e6 };
    arm.limit_bps = 80e6;
  });
  return { ...document, parameters: { slow, delay: '5ms' } };
}

describe('goodput over all combinations', () => {
  const documents = [result('80mbit', 40, 72, 76), result('8mbit', 40, 42, 38)];

  it('is shown for all arms side by side, in percent of the first and of the limit', () => {
    expect(summarizeCombinations(documents, ['download.duration_s', METRIC])).to.equal(
      [
        'fig4a: download.goodput_bps',
        '',
        'slow    delay  Plain IP on path 1, Mbit/s  of limit  MPIP, Mbit/s  of Plain IP on path 1  of limit  MPTCP, Mbit/s  of Plain IP on path 1  of limit',
        '80mbit    5ms                        40.0    50.0 %          72.0                180.0 %    90.0 %           76.0                190.0 %    95.0 %',
        '8mbit     5ms                        40.0    50.0 %          42.0                105.0 %    52.5 %           38.0                 95.0 %    47.5 %',
        '',
      ].join('\n'),
    );
  });

  it('stands in the summary of the run', () => {
    const parts = documents.map((document) => ({ document, folder: document.parameters.slow as string }));
    const text = markdownSummary('a matrix', parts, [DOWNLOAD]);
    expect(text).to.include('### download.goodput');
    expect(text).to.include('| 8mbit | 5ms | 40.0 | 50.0 % | 42.0 | 105.0 % | 52.5 % | 38.0 | 95.0 % | 47.5 % |');
  });

  it('has dashes for what an arm did not measure', () => {
    const [first, second] = documents;
    const partial: ResultDocument = {
      ...second!,
      arms: { ...second!.arms, mpip: { ...second!.arms.mpip!, metrics: {} } },
    };
    const { rows } = comparisonOf([first!, partial], METRIC)!;
    expect(rows[1]).to.deep.equal(['8mbit', '5ms', '40.0', '50.0 %', '-', '-', '-', '38.0', '95.0 %', '47.5 %']);
  });

  it('is nothing where there is one combination, or one arm', () => {
    expect(comparisonOf(documents.slice(1), METRIC)).to.equal(null);
    const alone = documents.map((each): ResultDocument => ({ ...each, arms: { mpip: each.arms.mpip! } }));
    expect(comparisonOf(alone, METRIC)).to.equal(null);
    expect(summarizeCombinations(alone, [METRIC])).to.equal('');
  });
});
