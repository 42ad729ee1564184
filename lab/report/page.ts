/** All results as one HTML page that needs nothing else: no script, no network, figures inside. */
import { readFileSync } from 'node:fs';
import { combinationOf } from '../results/combination.js';
import type { FoundResult, FoundResults, Unreadable } from '../results/find.js';
import { quantityText, withoutUnit } from '../results/metrics-table.js';
import { isHeadline } from '../workloads/kinds.js';
import { type Content, css, type Html, html } from './html.js';
import { resultBody } from './result.js';
import { byExperiment, type ExperimentRuns, type Run } from './runs.js';
import { table } from './table.js';
import { verdict } from './verdict.js';

export interface PageContext {
  /** When it is made, UTC. */
  readonly made: Date;
  /** How a file or folder is named on the page. */
  readonly nameOf: (path: string) => string;
}

const STYLE = new URL('./style.css', import.meta.url);
/** Whatever a result may hold, the page fetches and runs nothing. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** The whole document, to be stored as UTF-8. */
export function reportPage({ results, unreadable }: FoundResults, context: PageContext): string {
  const experiments = byExperiment(results);
  const made = context.made.toISOString();
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Results of mpip-lab</title>
<style>
${css(readFileSync(STYLE, 'utf8'))}</style>
</head>
<body>
<header>
<h1>Results of mpip-lab</h1>
<p>${counted(experiments.length, 'experiment')}, ${counted(experiments.flatMap(({ runs }) => runs).length, 'run')}; made ${time(made)}</p>
${overview(experiments)}</header>
<main>
${problems(unreadable, context)}${experiments.map((experiment, i) => experimentSection(experiment, i, context))}</main>
</body>
</html>
`;
  return page.toString();
}

function overview(experiments: readonly ExperimentRuns[]): Content {
  const columns = [
    { head: 'experiment' },
    { head: 'newest run' },
    { head: 'shows' },
    { head: 'at' },
    { head: 'runs', number: true as const },
  ];
  const rows = experiments.map(({ name, runs }, i) => {
    const [newest] = runs as [Run, ...Run[]];
    return [
      html`<a href="#${anchor(i)}">${name}</a>`,
      verdict(newest.parts.map(({ document }) => document)),
      shown(newest),
      time(newest.started),
      runs.length,
    ];
  });
  return table('Overview', columns, rows);
}

function problems(unreadable: readonly Unreadable[], { nameOf }: PageContext): Content {
  if (unreadable.length === 0) return [];
  const rows = unreadable.map(({ file, reason }) => [html`<code>${nameOf(file)}</code>`, reason]);
  return html`<section id="not-read">
<h2>Not read</h2>
${table('Files that are no results', [{ head: 'file' }, { head: 'why' }], rows)}</section>
`;
}

function experimentSection({ name, runs }: ExperimentRuns, index: number, context: PageContext): Html {
  const [newest, ...older] = runs as [Run, ...Run[]];
  const id = anchor(index);
  return html`<section id="${id}">
<h2>${name}</h2>
<p>${shown(newest)}</p>
<article>
${runHead(newest, context)}${runBody(newest, `${id}-0`)}</article>
${older.map(
  (run, i) => html`<details>
<summary>${runHead(run, context)}</summary>
${runBody(run, `${id}-${i + 1}`)}</details>
`,
)}</section>
`;
}

function runHead({ started, directory, parts }: Run, { nameOf }: PageContext): Html {
  const documents = parts.map(({ document }) => document);
  return html`<h3>${time(started)} ${verdict(documents)} <code>${nameOf(directory)}</code></h3>\n`;
}

function runBody({ parts }: Run, id: string): Content {
  const [only, ...others] = parts;
  if (only !== undefined && others.length === 0) return resultBody(only);
  return [
    sweepTable(parts, id),
    parts.map(
      (part, i) => html`<section id="${id}-${i}" class="part">
<h3>${combinationOf(part.document)} ${verdict([part.document])}</h3>
${resultBody(part)}</section>
`,
    ),
  ];
}

/** The most important metrics of all combinations, arm by arm. */
function sweepTable(parts: readonly FoundResult[], id: string): Content {
  const arms = parts.flatMap(({ document }) => Object.values(document.arms));
  const metrics = [...new Set(arms.flatMap((arm) => Object.keys(arm.metrics)))].filter(isHeadline);
  const columns = [
    { head: 'parameters' },
    { head: 'arm' },
    ...metrics.map((metric) => ({ head: withoutUnit(metric), number: true as const })),
  ];
  const rows = parts.flatMap((part, i) =>
    Object.values(part.document.arms).map(({ label, metrics: own }) => [
      html`<a href="#${id}-${i}">${combinationOf(part.document)}</a>`,
      label,
      ...metrics.map((metric) => quantityText(metric, own[metric])),
    ]),
  );
  return table('All combinations', columns, rows);
}

/** What the experiment shows. */
function shown({ parts }: Run): string {
  const { title, paper } = parts[0]!.document;
  return paper === null ? title : `${paper}: ${title}`;
}

function anchor(index: number): string {
  return `experiment-${index + 1}`;
}

function time(iso: string): Html {
  const utc = new Date(iso).toISOString();
  return html`<time datetime="${utc}">${utc.slice(0, 19).replace('T', ' ')} UTC</time>`;
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}
