import { expect } from 'chai';
import type { ResultDocument } from '../../../../lab/results/document.js';
import { markdownSummary } from '../../../../lab/results/markdown.js';
import { summarizeMetrics } from '../../../../lab/results/summary.js';
import type { Workload } from '../../../../lab/workloads/kinds.js';
import { exampleResult } from '../example-result.js';

const CALL: Workload = { name: 'call', type: 'udp-echo', from: 'a', to: 'b', rate: 1e5, size: 200, duration: 10 };

function callResult(rate: string, losses: readonly [number, number, number]): ResultDocument {
  const [first, median, last] = losses;
  const metrics = (loss: number) => ({ 'call.loss': loss, 'call.rtt_median_s': 0.002, 'call.forward_gap_s': 1.5 });
  return {
    ...exampleResult(),
    parameters: { rate },
    events: [{ at_s: 2.5, text: 'wifi carrier=down' }],
    arms: {
      mpip: {
        label: 'MPIP',
        limit_bps: null,
        metrics: metrics(median),
        series: [],
        repetitions: [first, median, last].map(metrics),
      },
    },
    claims: [
      { text: 'mpip.call.loss < 1%', left: median, right: 0.01, unit: '', pass: median < 0.01 },
      { text: 'mpip.call.loss < 1 / 0', left: null, right: null, unit: '', pass: false, problem: 'no finite number' },
    ],
    unchecked_claims: [],
  };
}

describe('Markdown summary', () => {
  const parts = [
    { document: callResult('1mbit', [0.001, 0.002, 0.02]), folder: 'rate=1mbit' },
    { document: callResult('2mbit', [0.03, 0.04, 0.05]), folder: 'rate=2mbit' },
  ];

  it('of a sweep has one table over all combinations, then each with medians, spread and claims', () => {
    const text = markdownSummary('a call', parts, [CALL]);
    expect(text).to.include(
      [
        '## All combinations',
        '',
        '| rate | arm | call.loss | call.rtt_median | call.forward_gap | claims held |',
        '| --- | --- | --- | --- | --- | --- |',
        '| 1mbit | mpip | 0.002000 | 2.0 ms | 1.50 s | 1 of 2 |',
        '| 2mbit | mpip | 0.04000 | 2.0 ms | 1.50 s | 0 of 2 |',
        '',
        '## rate=1mbit',
        '',
        '![load balancing of one TCP flow over two paths](rate=1mbit/figure.svg)',
        '',
        'Events:',
        '',
        '- at 2.5 s: `wifi carrier=down`',
        '',
        '| metric | MPIP, median of 3 |',
        '| --- | --- |',
        '| call.loss | 0.002000 (0.001000 to 0.02000) |',
      ].join('\n'),
    );
    expect(text).to.include('| pass | `mpip.call.loss < 1%` | 0.002000 against 0.01000 |');
    expect(text).to.include('| **FAIL** | `mpip.call.loss < 1 / 0` | no finite number |');
    expect(text).to.include('[result.json](rate=2mbit/result.json)');
  });

  it('of one combination has no table of combinations', () => {
    const text = markdownSummary('a call', [{ document: parts[0]!.document, folder: '' }], [CALL]);
    expect(text).to.not.include('All combinations');
    expect(text).to.include('[result.json](result.json)');
  });

  it('has a short form for terminals', () => {
    const text = summarizeMetrics(parts[0]!.document, ['call.loss', 'call.forward_gap_s', 'call.never']);
    expect(text).to.include('fig4a (rate=1mbit): load balancing');
    expect(text).to.match(/^call\.loss +0\.002000$/m);
    expect(text).to.match(/^call\.forward_gap_s +1\.50 s$/m);
    expect(text).to.match(/^call\.never +-$/m);
    expect(text).to.include('medians of 3 repetitions');
    expect(text).to.include('  FAIL  mpip.call.loss < 1 / 0  (no finite number)');
  });
});
