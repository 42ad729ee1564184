/** The figure of a scenario, which has no code of its own to choose one. */
import type { TopLevelSpec } from 'vega-lite';
import type { ResultDocument } from '../results/document.js';
import { throughputFigure } from './throughput.js';
import { type Panel, timelineFigure } from './timeline.js';

/** The panels that the scenario asks for; without any, throughput over time, a panel for each arm, where a workload takes all it can get; else the series of the workloads. */
export function scenarioFigure(document: ResultDocument, panels: readonly Panel[] | null = null): TopLevelSpec {
  if (panels !== null) return timelineFigure(document, panels);
  const arms = Object.keys(document.arms);
  const limited = document.links.length > 0 && Object.values(document.arms).some(({ limit_bps }) => limit_bps !== null);
  const own = new Set(document.links.map(({ name }) => name)).add('total');
  const series = Object.values(document.arms).flatMap((arm) => arm.series.map(({ name }) => name));
  const ofWorkloads = [...new Set(series)].filter((name) => !own.has(name.slice(0, name.indexOf('.'))));
  if (limited) {
    const goodput = ofWorkloads.find((name) => name.endsWith('.goodput')) ?? '';
    return throughputFigure(document, { arms, workload: goodput.replace(/\.goodput$/, '') });
  }
  const names = ofWorkloads.length > 0 ? ofWorkloads : [...new Set(series)];
  return timelineFigure(
    document,
    names.map((name) => ({ title: name, series: [name] })),
  );
}
