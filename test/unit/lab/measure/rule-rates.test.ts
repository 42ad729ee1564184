import { expect } from 'chai';
import { ruleRatesOf, rulesWithMetric } from '../../../../lab/measure/rule-rates.js';
import type { RuleStatus } from '../../../../src/core/status.js';
import type { DaemonStatus } from '../../../../src/daemon/api.js';

const status = (...rules: [name: string, bytes: number][]): DaemonStatus =>
  ({ rules: rules.map(([name, bytes]): RuleStatus => ({ name, packets: 0, bytes })) }) as DaemonStatus;

describe('bytes sent under the rules', () => {
  it('are a rate over time and its mean once settled, without what came before', () => {
    const statuses = [0, 1, 2, 3, 4].map(
      (t) => [t, status(['audio', 5000 + 1000 * t ** 2], ['default', 9])] as [number, DaemonStatus],
    );
    const { series, metrics } = ruleRatesOf('call', statuses, 2, 4);
    expect(series).to.deep.equal([
      {
        name: 'call.rule.audio.rate',
        unit: 'bit/s',
        points: [
          [0.5, 8000],
          [1.5, 24_000],
          [2.5, 40_000],
          [3.5, 56_000],
        ],
      },
    ]);
    expect(metrics).to.deep.equal({ 'call.rule.audio.rate_bps': 48_000 });
  });

  it('count as far as the daemon was asked, and for rules that came later only where it was there when settled', () => {
    const statuses: [number, DaemonStatus][] = [
      [0.4, status(['audio', 0], ['default', 0])],
      [2.4, status(['audio', 2000], ['late', 0], ['default', 0])],
      [3.4, status(['audio', 3000], ['late', 500], ['rule 3', 4], ['default', 0])],
    ];
    expect(ruleRatesOf('call', statuses, 1.4, 4).metrics).to.deep.equal({ 'call.rule.audio.rate_bps': 8000 });
    expect(ruleRatesOf('call', statuses, 2.4, 4).metrics).to.deep.equal({
      'call.rule.audio.rate_bps': 8000,
      'call.rule.late.rate_bps': 4000,
    });
  });

  it('are known of nothing where the daemon never answered', () => {
    expect(ruleRatesOf('call', [], 0, 1)).to.deep.equal({ series: [], metrics: {} });
  });

  it('can be claimed about where a rule has a name that is a word', () => {
    const rules = [{ name: 'audio', mode: 'all-paths' }, { mode: 'all-paths' }, { name: 'two words' }];
    expect(rulesWithMetric({ rules })).to.deep.equal(['audio']);
    expect(rulesWithMetric({})).to.deep.equal([]);
  });
});
