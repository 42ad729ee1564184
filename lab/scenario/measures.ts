/** Measures of scenarios. */
import type { LabEvent } from '../experiment/events.js';
import { endsOf } from '../experiment/limit-of.js';
import { mainOf } from '../experiment/run-arm.js';
import { linksBetween, type ReceivingLink } from '../measure/links.js';
import type { Measure } from '../measure/measures.js';
import type { Plan } from '../plan/plan.js';
import type { Unit } from '../results/quantity.js';
import type { Report } from '../topology/report.js';
import { kindOf, type Workload } from '../workloads/kinds.js';
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
  const series = knownSeries(links, workloads);
  const seen = new Set([...links.map(({ name }) => name), ...workloads.map(({ name }) => name)]);
  return documents.flatMap((document, index): Measure[] => {
    const refuse = (key: string, message: string): void => report(['measures', index, key], message);
    const { name } = document;
    if (seen.has(name)) refuse('name', `${JSON.stringify(name)} is the name of a link, a workload or another measure`);
    seen.add(name);
    const key = (['pause-of', 'time-until', 'distribution-of', 'mean-of'] as const).find((own) => own in document)!;
    const of = (document as unknown as Record<typeof key, string>)[key];
    const unit = series.get(of);
    if (unit === undefined) {
      refuse(key, unknown('series', of, [...series.keys()], 'series'));
      return [];
    }
    if ('mean-of' in document) {
      const moment = (at: 'from' | 'to'): number | null => {
        const given = document[at];
        return typeof given === 'string' ? timeOf(events, given, (message) => refuse(at, message)) : (given ?? null);
      };
      const [from, to] = [moment('from'), moment('to')];
      if (from !== null && to !== null && to <= from) refuse('to', 'is not after "from"');
      return [{ kind: 'mean', name, series: of, unit, from, to }];
    }
    if ('distribution-of' in document) return [{ kind: 'distribution', name, series: of, unit }];
    if (unit !== 'bit/s') {
      refuse(key, `${of} is no rate, so it has no pauses and reaches none`);
      return [];
    }
    if ('pause-of' in document) return [{ kind: 'pause', name, series: of, below: document.below }];
    const after = timeOf(events, document.after, (message) => refuse('after', message));
    if (after === null) return [];
    const { reaches } = document;
    const least = 'bps' in reaches ? reaches.bps : reaches.share * capacityOf(of, links);
    if (Number.isNaN(least)) refuse('reaches', `${of} has no capacity to take a share of; give a rate`);
    return [{ kind: 'time-until', name, series: of, least, after }];
  });
}

/** When an event happens; null, with what is wrong, where none is called so. */
function timeOf(events: readonly LabEvent[], name: string, refuse: (message: string) => void): number | null {
  const event = events.find((own) => own.name === name);
  if (event !== undefined) return event.at;
  const names = events.flatMap((own) => own.name ?? []);
  refuse(unknown('event', name, names));
  return null;
}

/** Series that are known before a run, with their units. */
function knownSeries(links: readonly ReceivingLink[], workloads: readonly Workload[]): Map<string, Unit> {
  const ofLinks = links.length === 0 ? [] : [...links.map(({ name }) => name), 'total'];
  return new Map([
    ...ofLinks.map((name): [string, Unit] => [`${name}.rate`, 'bit/s']),
    ...workloads.flatMap((workload) =>
      Object.entries(kindOf(workload).series ?? {}).map(([own, unit]): [string, Unit] => [
        `${workload.name}.${own}`,
        unit,
      ]),
    ),
  ]);
}

function capacityOf(series: string, links: readonly ReceivingLink[]): number {
  const own = links.filter(({ name }) => series === `${name}.rate` || series === 'total.rate');
  return own.length === 0 ? Number.NaN : own.reduce((sum, { rateBps }) => sum + (rateBps ?? Number.NaN), 0);
}
