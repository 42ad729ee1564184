/** Results as JUnit XML, for CI: a suite for each document, a test case for each claim. */
import { combinationOf } from './combination.js';
import type { ResultDocument } from './document.js';
import { sidesText } from './summary.js';

/** A run that came to no document. */
export interface FailedRun {
  readonly name: string;
  readonly error: Error;
}

export function junitXml(documents: readonly ResultDocument[], failed: FailedRun | null = null): string {
  const suites = documents.map(suiteOf);
  if (failed !== null) suites.push(failedSuite(failed));
  return ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites>', ...suites, '</testsuites>', ''].join('\n');
}

function suiteOf(document: ResultDocument): string {
  const { experiment, claims, unchecked_claims, started, arms, duration_s } = document;
  const combination = combinationOf(document);
  const name = combination === '' ? experiment : `${experiment} (${combination})`;
  const seconds = Object.values(arms).reduce((sum, arm) => sum + duration_s * (arm.repetitions?.length ?? 1), 0);
  const cases = [
    ...claims.map((claim) => {
      const failure = claim.pass ? [] : [element('failure', { message: sidesText(claim), type: 'claim' })];
      return element('testcase', { classname: name, name: claim.text }, failure);
    }),
    ...unchecked_claims.map((text) =>
      element('testcase', { classname: name, name: text }, [element('skipped', { message: 'an arm did not run' })]),
    ),
  ];
  const failures = claims.filter(({ pass }) => !pass).length;
  const skipped = unchecked_claims.length;
  const counts = { tests: cases.length, failures, errors: 0, skipped };
  return element('testsuite', { name, ...counts, timestamp: started, time: seconds.toFixed(3) }, cases);
}

function failedSuite({ name, error }: FailedRun): string {
  const told = element('error', { message: error.message.split('\n')[0]!, type: error.name }, [escaped(error.message)]);
  const only = element('testcase', { classname: name, name: 'runs to its end' }, [told]);
  return element('testsuite', { name, tests: 1, failures: 0, errors: 1, skipped: 0 }, [only]);
}

function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  children: readonly string[] = [],
): string {
  const start = [name, ...Object.entries(attributes).map(([key, value]) => `${key}="${escaped(String(value))}"`)].join(
    ' ',
  );
  return children.length === 0 ? `<${start}/>` : `<${start}>\n${children.join('\n')}\n</${name}>`;
}

/** XML 1.0 has no way at all to write most control characters. */
function escaped(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\u00b7')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
