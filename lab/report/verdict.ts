/** Whether claims hold, in words and signs: colour only adds to them. */
import type { ResultDocument } from '../results/document.js';
import { type Html, html } from './html.js';

export function verdict(documents: readonly ResultDocument[]): Html {
  const claims = documents.flatMap((document) => document.claims);
  const failed = claims.filter(({ pass }) => !pass).length;
  const unchecked = documents.flatMap(({ unchecked_claims }) => unchecked_claims).length;
  const rest = unchecked === 0 ? '' : `, ${unchecked} not checked`;
  if (claims.length === 0) return badge('none', `no claims${rest}`);
  if (failed > 0)
    return badge('fail', `${failed} of ${claims.length} claims ${failed === 1 ? 'fails' : 'fail'}${rest}`);
  return badge('pass', claims.length === 1 ? `its claim holds${rest}` : `all ${claims.length} claims hold${rest}`);
}

export type Outcome = 'pass' | 'fail' | 'none';

const SIGNS: Readonly<Record<Outcome, string>> = { pass: '\u2713', fail: '\u2717', none: '\u2013' };

export function badge(outcome: Outcome, text: string): Html {
  return html`<span class="badge ${outcome}"><span aria-hidden="true">${SIGNS[outcome]}</span> ${text}</span>`;
}
