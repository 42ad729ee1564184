/** Events of scenarios. */
import { dirname, isAbsolute, join } from 'node:path';
import type { RuleDefinition } from '../../src/daemon/api.js';
import { nearest } from '../../src/document/nearest.js';
import type { Parameters } from '../../src/document/parameters.js';
import type { LabEvent } from '../experiment/events.js';
import type { Plan } from '../plan/plan.js';
import { changeText, type LinkSetting, settingsIn } from '../running/link-change.js';
import type { Report } from '../topology/report.js';
import { traceProblem } from '../topology/traces.js';
import { isFor } from './matrix.js';
import type { EventDocument } from './schema.js';

const FORMS = '{ at, link, set }, { at, node, exec }, { at, node, mpipd } or { at, node, rules }';

/** What only an emulator of links does. */
const EMULATED: ReadonlySet<LinkSetting> = new Set(['delay', 'jitter', 'loss', 'reorder', 'duplicate', 'trace']);

/** `duration`: seconds of the arm, null = not known. `file`: the scenario, beside which traces are looked for. */
export function checkEvents(
  documents: readonly EventDocument[],
  parameters: Parameters,
  plan: Plan,
  duration: number | null,
  file: string,
  report: Report,
): LabEvent[] {
  return documents.flatMap((document, index) => {
    if (!isFor(document.only, parameters)) return [];
    const path = ['events', index];
    if (duration !== null && document.at > duration) {
      report([...path, 'at'], `is after the end: the workloads end after ${duration} s`);
    }
    const event = eventOf(document, plan, file, (key, message) => report([...path, ...key], message));
    const { name } = document;
    return event === null ? [] : [{ ...event, ...(name !== undefined && { name }) }];
  });
}

function eventOf(
  document: EventDocument,
  plan: Plan,
  file: string,
  refuse: (key: readonly string[], message: string) => void,
): LabEvent | null {
  const { at, link, set, node, exec, mpipd, rules } = document;
  const given = Object.keys(document)
    .filter((key) => !['at', 'name', 'only'].includes(key))
    .sort()
    .join(' ');
  if (link !== undefined && set !== undefined && given === 'link set') {
    const planned = plan.links.find(({ name }) => name === link);
    if (planned === undefined) {
      refuse(
        ['link'],
        unknown(
          'link',
          link,
          plan.links.map(({ name }) => name),
        ),
      );
      return null;
    }
    const ends = planned.ends.map((end) => end.node);
    for (const key of ['at', 'from'] as const) {
      const end = set[key];
      if (end !== undefined && !ends.includes(end))
        refuse(['set', key], `${end} is not at ${link}; its ends: ${ends.join(', ')}`);
    }
    const needing = settingsIn(set).filter((key) => EMULATED.has(key));
    if (needing.length > 0 && planned.ends.some(({ emulation }) => emulation === null)) {
      refuse(
        ['set', needing[0]!],
        `${link} has no emulator to change it; write "delay: 0ms" in the topology to give it one`,
      );
    }
    const touched = planned.ends.filter((end) => set.from === undefined || end.node === set.from);
    const unlimited = touched.find(({ shaping, emulation }) => shaping === null && emulation === null);
    if (set.limit !== undefined && set.rateBps === undefined && unlimited !== undefined) {
      refuse(['set', 'limit'], `what leaves ${unlimited.node} has no rate, so nothing waits there`);
    }
    if (set.at !== undefined && set.carrier !== 'down') refuse(['set', 'at'], '"at" goes with carrier: down');
    const text = `${link} ${changeText(set)}`;
    if (set.trace === undefined) return { kind: 'link', at, link, set, text };
    const trace = isAbsolute(set.trace) ? set.trace : join(dirname(file), set.trace);
    const problem = traceProblem(trace);
    if (problem !== null) refuse(['set', 'trace'], problem);
    if (set.rateBps !== undefined) refuse(['set', 'trace'], 'a link has a rate or a trace, not both');
    return { kind: 'link', at, link, set: { ...set, trace }, text };
  }
  if (node !== undefined && ['exec node', 'mpipd node', 'node rules'].includes(given)) {
    const planned = plan.nodes.find(({ name }) => name === node);
    if (planned === undefined) {
      refuse(
        ['node'],
        unknown(
          'node',
          node,
          plan.nodes.map(({ name }) => name),
        ),
      );
      return null;
    }
    if (exec !== undefined) return { kind: 'exec', at, node, command: exec, text: `${node}: ${exec.at(-1)}` };
    if (planned.mpip === null) refuse(['node'], `${node} has no mpip in the topology, so mpipd does not run there`);
    if (rules !== undefined) return { kind: 'rules', at, node, rules, text: `${node}: ${rulesText(rules)}` };
    return { kind: 'mpipd', at, node, action: mpipd!, text: `${node}: mpipd ${mpipd}` };
  }
  refuse([], `is no event: one of ${FORMS}`);
  return null;
}

/** "rules video, download" */
function rulesText(rules: readonly RuleDefinition[]): string {
  if (rules.length === 0) return 'no rules';
  return `rules ${rules.map(({ name }, i) => name ?? `rule ${i + 1}`).join(', ')}`;
}

/** "unknown link ..., did you mean ...". */
export function unknown(kind: string, name: string, known: readonly string[], plural = `${kind}s`): string {
  const meant = nearest(name, known);
  const hint = meant === undefined ? ';' : `, did you mean ${JSON.stringify(meant)}?`;
  return `unknown ${kind} ${JSON.stringify(name)}${hint} ${plural}: ${known.join(', ') || 'none'}`;
}
