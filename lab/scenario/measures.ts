/** Measures of scenarios. */
import type { LabEvent } from '../experiment/events.js';
import { endsOf } from '../experiment/limit-of.js';
import { mainOf } from '../experiment/run-arm.js';
import { linksBetween, type ReceivingLink } from '../measure/links.js';
import type { Measure } from '../measure/measures.js';
import type { Plan } from '../plan/plan.js';
import type { Report } from '../topology/report.js';
import type { Workload } from '../workloads/kinds.js';
import { unknown } from './events.js';
import type { MeasureDocument } from './schema.js';

export function checkMeasures(
  documents: readonly MeasureDocument[],
  events: readonly LabEvent[],
  plan: Plan,
  workloads: readonly Workload[],
  report: Report,
): Measure[] {
  const main = mainOf(workloads);
  const ends = main === null ? null : endsOf(main.flow);
  const links = ends === null ? [] : linksBetween(plan, ends.sender, ends.receiver);
  const series = rateSeries(links, workloads);
  const seen = new Set([...links.map(({ name }) => name), ...workloads.map(({ name }) => name)]);
  return documents.flatMap((document, index): Measure[] => {
    const refuse = (key: string, message: string): void => report(['measures', index, key], message);
    const { name } = document;
    if (seen.has(name)) refuse('name', `${JSON.stringify(name)} is the name of a link, a workload or another measure`);
    seen.add(name);
    const key = (['pause-of', 'time-until', 'distribution-of'] as const).find((own) => own in document)!;
    const of = (document as unknown as Record<typeof key, string>)[key];
    if (!series.includes(of)) {
      refuse(key, unknown('series', of, series, 'series'));
      return [];
    }
    if ('pause-of' in document) return [{ kind: 'pause', name, series: of, below: document.below }];
    if ('distribution-of' in document) return [{ kind: 'distribution', name, series: of }];
    const event = events.find((own) => own.name === document.after);
    if (event === undefined) {
      const names = events.flatMap((own) => own.name ?? []);
      refuse('after', unknown('event', document.after, names));
      return [];
    }
    const { reaches } = document;
    const least = 'bps' in reaches ? reaches.bps : reaches.share * capacityOf(of, links);
    if (Number.isNaN(least)) refuse('reaches', `${of} has no capacity to take a share of; give a rate`);
    return [{ kind: 'time-until', name, series: of, least, after: event.at }];
  });
}

/** Series in bit/s that are known before a run. */
function rateSeries(links: readonly ReceivingLink[], workloads: readonly Workload[]): string[] {
  const ofLinks = links.length === 0 ? [] : [...links.map(({ name }) => name), 'total'].map((name) => `${name}.rate`);
  const transfers = workloads.filter(({ type }) => type === 'iperf3');
  return [...ofLinks, ...transfers.map(({ name }) => `${name}.goodput`)];
}

function capacityOf(series: string, links: readonly ReceivingLink[]): number {
  const own = links.filter(({ name }) => series === `${name}.rate` || series === 'total.rate');
  return own.length === 0 ? Number.NaN : own.reduce((sum, { rateBps }) => sum + (rateBps ?? Number.NaN), 0);
}
