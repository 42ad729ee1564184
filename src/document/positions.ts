import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type LineCounter,
  type Pair,
  type Node as YamlNode,
} from 'yaml';

/** Keys and indices from the root of a document. */
export type DocumentPath = readonly (string | number)[];

export interface Place {
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

interface Found {
  /** How many steps of the path exist. */
  readonly depth: number;
  readonly key: YamlNode | undefined;
  readonly value: YamlNode | undefined;
}

/** Where the keys and values of a parsed YAML document stand in its text. */
export class DocumentPositions {
  readonly #document: Document.Parsed;
  readonly #text: string;
  readonly #lines: LineCounter;

  constructor(document: Document.Parsed, text: string, lines: LineCounter) {
    this.#document = document;
    this.#text = text;
    this.#lines = lines;
  }

  /** How many steps of a path exist. */
  depth(path: DocumentPath): number {
    return this.#find(path).depth;
  }

  /** The value at a path, or its key; where the path is missing, the key of the innermost parent that exists. */
  at(path: DocumentPath, part: 'value' | 'key' = 'value'): Place {
    const found = this.#find(path);
    const wanted = part === 'value' && found.depth === path.length && !isBlank(found.value) ? found.value : found.key;
    const [start, end] = this.#range(wanted ?? found.value);
    return this.atOffset(start, end);
  }

  /** A piece of text by its offsets; of several lines only the first. */
  atOffset(start: number, end: number): Place {
    const { line, col } = this.#lines.linePos(start);
    const rest = this.#text.slice(start, Math.max(start, end)).split(/[\r\n]/, 1)[0] as string;
    return { line: Math.max(1, line), column: Math.max(1, col), length: Math.max(1, rest.trimEnd().length) };
  }

  #range(node: YamlNode | undefined): readonly [number, number] {
    const range = node?.range;
    if (range) return [range[0], range[1]];
    const first = Math.max(0, this.#text.search(/\S/));
    return [first, first];
  }

  #find(path: DocumentPath): Found {
    let value = this.#resolve(this.#document.contents);
    let key: YamlNode | undefined;
    let depth = 0;
    for (const step of path) {
      if (isMap(value)) {
        const pair: Pair | undefined = value.items.find((item) => isPair(item) && keyText(item) === String(step));
        if (!pair) break;
        key = pair.key as YamlNode;
        value = this.#resolve(pair.value as YamlNode | null);
      } else if (isSeq(value)) {
        const item = value.items[Number(step)] as YamlNode | undefined;
        if (item === undefined) break;
        key = item;
        value = this.#resolve(item);
      } else break;
      depth++;
    }
    return { depth, key, value: value ?? undefined };
  }

  #resolve(node: YamlNode | null | undefined): YamlNode | null | undefined {
    return isAlias(node) ? node.resolve(this.#document) : node;
  }
}

/** A key as JavaScript sees it: `1` and `"1"` are the same. */
export function keyText(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}

/** `key:` with nothing after it has an empty value that cannot be pointed at. */
function isBlank(node: YamlNode | undefined): boolean {
  return node === undefined || (isScalar(node) && node.value === null && (node.source ?? '') === '');
}

/** `links.path1.ends[0]`; keys that would be misread stand in brackets. */
export function pathText(path: DocumentPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (step === '' || /[\s.[\]"]/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}
