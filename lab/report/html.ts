/** HTML put together from text that nobody vouches for: whatever goes into a template is escaped, unless it is HTML already. */

/** HTML that only `html` and `css` make. */
export class Html {
  readonly #markup: string;

  private constructor(markup: string) {
    this.#markup = markup;
  }

  static of(markup: string): Html {
    return new Html(markup);
  }

  toString(): string {
    return this.#markup;
  }
}

export type Content = Html | string | number | readonly Content[];

/** Attribute values in the template stand in double quotes: html`<a href="${target}">`. Lists are joined without a blank. */
export function html(markup: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return Html.of(markup.reduce((text, part, i) => `${text}${markupOf(contents[i - 1] ?? '')}${part}`));
}

/** The content of a <style> element. Throws TypeError where it could end that element. */
export function css(text: string): Html {
  if (/<[/!]/.test(text)) throw new TypeError('style sheet with "</" or "<!"');
  return Html.of(text);
}

function markupOf(content: Content): string {
  if (content instanceof Html) return content.toString();
  if (typeof content === 'number') return String(content);
  if (typeof content === 'string') return escaped(content);
  return content.map(markupOf).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** Without what a page or a terminal would act on rather than show: control characters, and those that turn the direction of writing. */
export function printable(text: string): string {
  return text.replace(/(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}]/gu, '\u00b7');
}
