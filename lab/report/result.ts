/** One result in the report: figure, claims, what was measured, and what it was measured on. */

import type { CalibrationRecord, ResultDocument } from '../results/document.js';
import type { Drawing, FoundResult } from '../results/find.js';
import { metricNames, metricsTable } from '../results/metrics-table.js';
import { formatQuantity } from '../results/quantity.js';
import { sidesText } from '../results/summary.js';
import { isHeadline } from '../workloads/kinds.js';
import { type Content, type Html, html } from './html.js';
import { scrolling, table } from './table.js';
import { badge } from './verdict.js';

/** Columns of arms that fit a sheet of paper; more go into another table below. */
const ARMS_IN_A_TABLE = 4;

export function resultBody({ document, figure, topology }: FoundResult): Content {
  return [
    figure === null ? html`<p class="lack">There is no figure.</p>\n` : drawing('Figure', document.title, figure),
    claims(document),
    ...metrics(document),
    events(document),
    topology === null ? [] : drawing('Topology', `topology ${document.topology}`, topology),
    links(document),
    calibration(document),
    facts(document),
  ];
}

/** As an image, an SVG cannot run scripts, load anything, or disturb another one's ids. */
function drawing(kind: string, description: string, { svg, width, height }: Drawing): Html {
  const source = `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`;
  const size = html`width="${Math.ceil(width)}" height="${Math.ceil(height)}"`;
  return html`<figure>${scrolling(kind, html`<img src="${source}" ${size} alt="${kind}: ${description}">`)}</figure>\n`;
}

function claims({ claims: checked, unchecked_claims }: ResultDocument): Content {
  const rows = [
    ...checked.map((claim) => [
      badge(claim.pass ? 'pass' : 'fail', claim.pass ? 'holds' : 'fails'),
      html`<code>${claim.text}</code>`,
      sidesText(claim),
    ]),
    ...unchecked_claims.map((text) => [badge('none', 'not checked'), html`<code>${text}</code>`, 'an arm did not run']),
  ];
  return table('Claims', [{ head: 'verdict' }, { head: 'claim' }, { head: 'measured' }], rows);
}

/** The most important ones first. */
function metrics({ arms }: ResultDocument): Content[] {
  const entries = Object.entries(arms);
  const names = metricNames(arms);
  const ordered = [...names.filter(isHeadline), ...names.filter((name) => !isHeadline(name))];
  const tables: Content[] = [];
  for (let first = 0; first < entries.length; first += ARMS_IN_A_TABLE) {
    const some = Object.fromEntries(entries.slice(first, first + ARMS_IN_A_TABLE));
    const { arms: heads, rows } = metricsTable(some, ordered);
    const columns = [{ head: 'metric' }, ...heads.map((head) => ({ head, number: true as const }))];
    const shown = rows.filter(([, ...values]) => values.some((value) => value !== ''));
    tables.push(table('Metrics', columns, shown));
  }
  return tables;
}

function events({ events: done = [] }: ResultDocument): Content {
  const columns = [{ head: 'time', number: true as const }, { head: 'event' }];
  const rows = done.map(({ at_s, text }) => [`${Number(at_s.toFixed(3))} s`, html`<code>${text}</code>`]);
  return table('Events', columns, rows);
}

function links({ links: between }: ResultDocument): Content {
  const number = true as const;
  const columns = [
    { head: 'link' },
    { head: 'rate', number },
    { head: 'delay', number },
    { head: 'MTU', number },
    { head: 'queue', number },
    { head: 'made by' },
  ];
  const rows = between.map(({ name, rate_bps, delay_s, mtu_bytes, queue_bytes, emulator }) => [
    name,
    rate_bps === null ? 'unlimited' : rate(rate_bps),
    seconds(delay_s),
    bytes(mtu_bytes),
    queue_bytes === null ? '' : bytes(queue_bytes),
    emulator === 'none' ? 'a wire' : emulator,
  ]);
  return table('Links', columns, rows);
}

/** What was measured of the links before the workloads, beside what they should be. */
function calibration({ links: between, arms }: ResultDocument): Content {
  const traced = between.some((link) => link.calibration.some(({ trace_s }) => trace_s !== null));
  const number = true as const;
  const columns = [
    { head: 'link' },
    { head: 'from, to' },
    { head: 'before arm' },
    { head: 'rate', number },
    { head: 'delay, median', number },
    { head: 'delay, p99', number },
    ...(traced ? [{ head: 'as its trace', number }] : []),
  ];
  const rows = between.flatMap(({ name, calibration: measured }) =>
    measured.map((own) => [
      name,
      `${own.from} \u2192 ${own.to}`,
      armText(own, arms),
      own.rate_bps === null ? '' : rate(own.rate_bps),
      own.delay_median_s === null ? '' : seconds(own.delay_median_s),
      own.delay_p99_s === null ? '' : seconds(own.delay_p99_s),
      ...(traced ? [own.trace_s === null ? '' : `for ${seconds(own.trace_s)}`] : []),
    ]),
  );
  return table('Calibration of the links', columns, rows);
}

function armText({ arm, repetition }: CalibrationRecord, arms: ResultDocument['arms']): string {
  const label = Object.hasOwn(arms, arm) ? arms[arm]!.label : arm;
  return repetition === undefined ? label : `${label}, repetition ${repetition + 1}`;
}

function facts(document: ResultDocument): Content {
  const { parameters, machine, versions, topology, duration_s, settled_s, limit_bps } = document;
  const memory = `${(machine.memory_bytes / 2 ** 30).toFixed(1)} GiB`;
  const groups: [string, [string, string][]][] = [
    [
      'Parameters',
      [
        ['topology', topology],
        ['length of an arm', `${Number(duration_s.toFixed(1))} s, means from ${Number(settled_s.toFixed(1))} s on`],
        ...(limit_bps === null ? [] : [['limit', rate(limit_bps)] as [string, string]]),
        ...Object.entries(parameters).map(([name, value]): [string, string] => [name, String(value)]),
      ],
    ],
    [
      'Machine',
      [
        ['processor', `${machine.cpu}, ${machine.cores} cores`],
        ['memory', memory],
        ['kernel', `Linux ${machine.kernel}`],
      ],
    ],
    ['Versions', Object.entries(versions)],
  ];
  return html`<div class="facts">${groups
    .filter(([, entries]) => entries.length > 0)
    .map(
      ([title, entries]) =>
        html`<section><h4>${title}</h4><dl>${entries.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></section>`,
    )}</div>\n`;
}

const rate = (value: number): string => formatQuantity({ value, unit: 'bit/s' });
const seconds = (value: number): string => formatQuantity({ value, unit: 's' });
const bytes = (value: number): string => formatQuantity({ value, unit: 'bytes' });
