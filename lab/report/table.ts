/** Tables of the report: wide ones scroll on a screen, by keyboard too. */
import { type Content, type Html, html } from './html.js';

export interface Column {
  readonly head: Content;
  /** Numbers and quantities stand flush right. */
  readonly number?: true;
}

/** `caption`: what it shows. The first cell of each row is its heading. Empty without rows. */
export function table(caption: string, columns: readonly Column[], rows: readonly (readonly Content[])[]): Content {
  if (rows.length === 0) return [];
  const sideOf = (i: number): string => (columns[i]?.number ? 'number' : 'text');
  const cell = (content: Content, i: number): Html =>
    i === 0
      ? html`<th scope="row" class="${sideOf(i)}">${content}</th>`
      : html`<td class="${sideOf(i)}">${content}</td>`;
  return scrolling(
    caption,
    html`<table><caption>${caption}</caption><thead><tr>${columns.map(
      ({ head }, i) => html`<th scope="col" class="${sideOf(i)}">${head}</th>`,
    )}</tr></thead><tbody>${rows.map((row) => html`<tr>${row.map(cell)}</tr>\n`)}</tbody></table>`,
  );
}

/** What may be wider than a screen. */
export function scrolling(label: string, content: Content): Html {
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${label}">${content}</div>\n`;
}
