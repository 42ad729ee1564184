/** Results of a scenario as Markdown: for each combination of parameters, what was measured and which claims held. */
import { headlinesOf, type Workload } from '../workloads/kinds.js';
import { combinationOf } from './combination.js';
import { comparisonOf } from './comparison.js';
import type { ResultDocument } from './document.js';
import { metricsTable, quantityText, withoutUnit } from './metrics-table.js';
import { unitOfMetric } from './quantity.js';
import { sidesText } from './summary.js';

export interface MarkdownPart {
  readonly document: ResultDocument;
  /** Where result.json and the figure are, relative to the summary; '' = beside it. */
  readonly folder: string;
}

/** `hasFigure`: there is one over all combinations. `workloads`: those of the scenario; their most important metrics stand in the table over all combinations. */
export function markdownSummary(
  title: string,
  parts: readonly MarkdownPart[],
  workloads: readonly Workload[],
  hasFigure = false,
): string {
  const [first] = parts;
  if (first === undefined) throw new TypeError('a summary of nothing');
  const { machine, started, versions } = first.document;
  const used = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const about = [
    `${started.slice(0, 16).replace('T', ' ')} UTC`,
    `${machine.cores} cores`,
    `Linux ${machine.kernel}`,
    ...used,
  ];
  const sweep =
    parts.length > 1
      ? [
          '## All combinations',
          '',
          ...(hasFigure ? [`![${title}](figure.svg)`, ''] : []),
          ...overview(parts, workloads),
          '',
          ...comparisons(parts, workloads),
        ]
      : [];
  return [
    `# ${title}`,
    '',
    `${about.join(', ')}.`,
    '',
    ...sweep,
    ...parts.flatMap((part) => section(part, parts.length > 1)),
  ].join('\n');
}

function overview(parts: readonly MarkdownPart[], workloads: readonly Workload[]): string[] {
  const names = Object.keys(parts[0]!.document.parameters);
  const metrics = headlinesOf(workloads);
  const rows = parts.flatMap(({ document }) => {
    const held = document.claims.filter(({ pass }) => pass).length;
    return Object.entries(document.arms).map(([arm, { metrics: own }], index) => [
      ...names.map((name) => String(document.parameters[name])),
      arm,
      ...metrics.map((metric) => quantityText(metric, own[metric])),
      index === 0 ? `${held} of ${document.claims.length}` : '',
    ]);
  });
  return table([...names, 'arm', ...metrics.map(withoutUnit), 'claims held'], rows);
}

/** Of what is a rate: arms in columns, as shares of the first one and of the limit. */
function comparisons(parts: readonly MarkdownPart[], workloads: readonly Workload[]): string[] {
  const documents = parts.map(({ document }) => document);
  return headlinesOf(workloads)
    .filter((metric) => unitOfMetric(metric) === 'bit/s')
    .flatMap((metric) => {
      const comparison = comparisonOf(documents, metric);
      return comparison === null
        ? []
        : [`### ${withoutUnit(metric)}`, '', ...table(comparison.heads, comparison.rows), ''];
    });
}

function section({ document, folder }: MarkdownPart, withHeading: boolean): string[] {
  const at = (file: string): string => encodeURI(folder === '' ? file : `${folder}/${file}`);
  const events = (document.events ?? []).map(({ at_s, text }) => `- at ${Number(at_s.toFixed(3))} s: \`${text}\``);
  return [
    ...(withHeading ? [`## ${combinationOf(document)}`, ''] : []),
    `![${document.title}](${at('figure.svg')})`,
    '',
    ...(events.length === 0 ? [] : ['Events:', '', ...events, '']),
    ...metricTable(document.arms),
    '',
    ...claimTable(document),
    `[result.json](${at('result.json')})`,
    '',
  ];
}

function metricTable(arms: ResultDocument['arms']): string[] {
  const { arms: heads, rows } = metricsTable(arms);
  return table(['metric', ...heads], rows);
}

function claimTable({ claims, unchecked_claims }: ResultDocument): string[] {
  if (claims.length + unchecked_claims.length === 0) return [];
  const rows = [
    ...claims.map((claim) => [claim.pass ? 'pass' : '**FAIL**', `\`${claim.text}\``, sidesText(claim)]),
    ...unchecked_claims.map((text) => ['not checked', `\`${text}\``, 'an arm did not run']),
  ];
  return [...table(['', 'claim', 'measured'], rows), ''];
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)];
}
