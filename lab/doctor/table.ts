import type { Finding } from './checks.js';

/** The findings as a table, and below it how to get what is lacking. */
export function findingsTable(findings: readonly Finding[]): string {
  const width = (texts: readonly string[]): number => Math.max(...texts.map((text) => text.length));
  const names = width(findings.map(({ id }) => id));
  const purposes = width(findings.map(({ purpose }) => purpose));
  const rows = findings.map(({ id, purpose, has, detail, needed }) => {
    const state = has ? 'has  ' : needed ? 'LACKS' : 'lacks';
    return `${state}  ${id.padEnd(names)}  ${purpose.padEnd(purposes)}  ${detail}`;
  });
  const lacking = findings.flatMap(({ id, remedy }) => (remedy === null ? [] : [`  ${id.padEnd(names)}  ${remedy}`]));
  if (lacking.length === 0) return rows.join('\n');
  return [...rows, '', 'To get what is lacking:', ...lacking].join('\n');
}
