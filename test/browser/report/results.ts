/** Folders of results to report on, the kind ones and the others. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ResultDocument } from '../../../lab/results/document.js';
import { exampleResult } from '../../unit/lab/example-result.js';

/** Runs a script where text is taken for markup, however it is quoted. */
export const HOSTILE = `"'><script>hacked=1</script><img src=x onerror="hacked=1"></title></style><svg onload=hacked=1>`;

const LINE = '<path d="M0 100 L860 20" stroke="#0072B2" stroke-width="3" id="line"/>';
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="868" height="420" viewBox="0 0 868 420">${LINE}</svg>`;
/** What an image must neither run nor fetch. */
const ACTIVE_SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="868" height="420" onload="parent.hacked=1">
<script>parent.hacked=1</script><image href="http://192.0.2.1/spy.png" width="9" height="9"/>${LINE}</svg>`;

function store(root: string, folder: string, document: ResultDocument, svg: string | null = SVG): void {
  const directory = join(root, folder);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'result.json'), JSON.stringify(document));
  if (svg !== null) writeFileSync(join(directory, 'figure.svg'), svg);
}

/** Two runs of fig4a, a sweep of six arms, a run whose every text is hostile. */
export function storeExamples(root: string): void {
  const example = exampleResult();
  store(root, 'fig4a/2026-11-24T062000Z', example);
  const kept = example.claims.filter(({ pass }) => pass);
  store(root, 'fig4a/2026-11-25T062000Z', {
    ...example,
    started: '2026-11-25T06:20:00.000Z',
    claims: kept,
    unchecked_claims: [],
  });
  writeFileSync(join(root, 'fig4a/2026-11-25T062000Z/topology.svg'), SVG);
  const arm = example.arms.mpip!;
  const arms = Object.fromEntries(
    Array.from({ length: 6 }, (_, i) => [`arm${i}`, { ...arm, label: `Arm number ${i} with a name of some length` }]),
  );
  for (const rate of ['5mbit', '10mbit']) {
    const document = { ...example, experiment: 'sweep', paper: null, title: 'a sweep', parameters: { rate }, arms };
    store(root, `sweep/2026-11-24T070000Z/rate=${rate}`, document);
  }
  store(root, 'hostile/2026-11-24T080000Z', hostile(example), ACTIVE_SVG);
}

/** Documents that are none, each by its file and a part of the reason. */
export function storeBroken(root: string): [file: string, reason: string][] {
  const broken: [string, string | null, string][] = [
    ['broken/cut/result.json', JSON.stringify(exampleResult()).slice(0, 400), 'not JSON'],
    ['broken/empty/result.json', '', 'not JSON'],
    ['broken/foreign/result.json', JSON.stringify({ name: 'foreign', results: [] }), 'not a result: experiment'],
    ['broken/hostile/result.json', `{ "experiment": ${HOSTILE}\u001b[2J`, 'not JSON'],
    ['broken/link/result.json', null, 'not a regular file'],
  ];
  for (const [file, text] of broken) {
    mkdirSync(join(root, file, '..'), { recursive: true });
    if (text === null) symlinkSync('/dev/zero', join(root, file));
    else writeFileSync(join(root, file), text);
  }
  store(root, 'broken/no-figure', { ...exampleResult(), experiment: 'broken' }, '<svg><g>');
  mkdirSync(join(root, 'fig4a/.partial-x'), { recursive: true });
  writeFileSync(join(root, 'fig4a/.partial-x/result.json'), 'half a resul');
  return [
    ...broken.map(([file, , reason]): [string, string] => [file, reason]),
    ['broken/no-figure/figure.svg', 'never closed'],
  ];
}

function hostile(example: ResultDocument): ResultDocument {
  const [link] = example.links;
  const [calibration] = link!.calibration;
  return {
    ...example,
    experiment: HOSTILE,
    title: HOSTILE,
    paper: HOSTILE,
    topology: HOSTILE,
    machine: { ...example.machine, cpu: HOSTILE, kernel: HOSTILE },
    versions: { [HOSTILE]: HOSTILE },
    parameters: { [HOSTILE]: HOSTILE },
    arms: { [HOSTILE]: { label: HOSTILE, limit_bps: null, metrics: { [HOSTILE]: 1 }, series: [] } },
    links: [
      {
        ...link!,
        name: HOSTILE,
        calibration: [{ ...calibration!, arm: HOSTILE, from: HOSTILE, to: HOSTILE }],
      },
    ],
    events: [{ at_s: 1, text: HOSTILE }],
    claims: [{ text: HOSTILE, left: null, right: null, unit: '', pass: false, problem: HOSTILE }],
    unchecked_claims: [HOSTILE],
  };
}
