/** One thing that is wrong in a document, with the place where a reader has to change it. */
export interface DocumentProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units as editors count them. */
  readonly column: number;
  /** Characters of the line that are at fault; at least 1. */
  readonly length: number;
  /** `links.path1.rate`; empty for the document as a whole. */
  readonly path: string;
  /** What is wrong and what is allowed. */
  readonly message: string;
}

/** A problem takes at most three lines; eight of them and the last line fill a terminal of 25. */
const PROBLEMS_SHOWN = 8;
/** Longer source lines are cut around the fault. */
const SOURCE_COLUMNS = 100;
/** A list in one line of source may be long; what is said of it must not be. */
const MESSAGE_CHARACTERS = 400;

/** A document that cannot be used. Its message shows each problem with the source line, one screen at most. */
export class DocumentError extends Error {
  readonly code = 'E_DOCUMENT';
  override readonly name = 'DocumentError';
  /** In the order of the files. */
  readonly problems: readonly DocumentProblem[];

  /** `text` is that of the one file, or of each by its name. */
  constructor(
    problems: readonly DocumentProblem[],
    text: string | ReadonlyMap<string, string>,
    options?: ErrorOptions,
  ) {
    const files = typeof text === 'string' ? [] : [...text.keys()];
    const sorted = [...problems].sort(
      (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
    );
    super(
      report(sorted, (file) => (typeof text === 'string' ? text : (text.get(file) ?? ''))),
      options,
    );
    this.problems = sorted;
  }
}

function report(problems: readonly DocumentProblem[], textOf: (file: string) => string): string {
  const shown = problems.slice(0, PROBLEMS_SHOWN).map((problem) => {
    const lines = textOf(problem.file).split(/\r\n|\n|\r/);
    return show(problem, lines[problem.line - 1] ?? '');
  });
  const hidden = problems.length - shown.length;
  if (hidden > 0) shown.push(`and ${hidden} more`);
  return shown.join('\n');
}

function show(problem: DocumentProblem, source: string): string {
  const path = problem.path === '' ? '' : `${problem.path}: `;
  const head = `${problem.file}:${problem.line}:${problem.column}: ${path}${clip(problem.message)}`;
  if (source.trim() === '') return head;
  const margin = `  ${problem.line} | `;
  const fault = problem.column - 1;
  // A line that does not fit is shown from where the fault is still in view.
  const from = fault < SOURCE_COLUMNS - 20 ? 0 : fault - 40;
  const visible = printable(source.slice(from, from + SOURCE_COLUMNS));
  const carets = Math.max(1, Math.min(problem.length, visible.length - (fault - from)));
  const pointer = `${' '.repeat(margin.length - 2)}| ${' '.repeat(fault - from)}${'^'.repeat(carets)}`;
  return `${head}\n${margin}${visible.trimEnd()}\n${pointer}`;
}

function clip(message: string): string {
  const safe = printable(message);
  return safe.length <= MESSAGE_CHARACTERS ? safe : `${safe.slice(0, MESSAGE_CHARACTERS)}...`;
}

/** A file must not be able to send commands to the terminal that shows its errors; a tab counts as one column. */
function printable(text: string): string {
  return text.replace(/\t/g, ' ').replace(/\p{Cc}/gu, '\u00b7');
}
