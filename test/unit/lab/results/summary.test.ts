import { expect } from 'chai';
import { summarize, summarizeRepeats } from '../../../../lab/results/summary.js';
import { exampleResult } from '../example-result.js';

describe('summary of a result', () => {
  it('is a table of rates, goodput and limits, and the claims', () => {
    expect(summarize(exampleResult())).to.equal(
      [
        'fig4a, Figure 4(a): load balancing of one TCP flow over two paths',
        '',
        '                    path1  path2  total  goodput  limit  of limit',
        'Plain IP on path 1  40.00   0.00  40.00    38.20  38.26    99.8 %',
        'MPIP                39.90  19.80  59.70    55.20  55.76    99.0 %',
        'MPTCP               40.00  20.00  60.00    56.10  56.43    99.4 %',
        'capacity            40.00  20.00  60.00',
        '',
        'Mbit/s; links and total on the wire at the receiver from 10 s on, goodput of the whole 60 s',
        '',
        'claims',
        '  pass  mpip.download.goodput >= 95% * limit  (55.20 Mbit/s against 52.97 Mbit/s)',
        '  FAIL  mpip.download.goodput >= 99.9% * limit  (55.20 Mbit/s against 55.70 Mbit/s)',
        '  ----  udp.download.loss < 1%  (an arm did not run)',
        '',
      ].join('\n'),
    );
  });

  it('of repeats has median and spread, and how often each claim held', () => {
    const runs = [54.1e6, 55.2e6, 54.9e6].map((goodput) => {
      const run = exampleResult();
      run.arms.mpip!.metrics['download.goodput_bps'] = goodput;
      run.claims[0]!.pass = goodput > 54.5e6;
      return run;
    });
    const text = summarizeRepeats(runs);
    expect(text).to.match(/^mpip\.download\.goodput_bps +54\.90 +54\.10 +55\.20$/m);
    expect(text).to.include('  2 of 3  mpip.download.goodput >= 95% * limit');
    expect(text).to.include('  0 of 3  mpip.download.goodput >= 99.9% * limit');
  });
});
