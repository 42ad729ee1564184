/** One column of a table over rows of type T. */
export interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => string;
  /** Numbers stand right. */
  readonly align?: 'left' | 'right';
  /** Names the row: repeated in every part of a table that is too wide. */
  readonly key?: true;
}

const GAP = '  ';

/**
 * Rows in aligned columns, one line each. A table that is wider than `width` characters is shown in parts one below the other, each
 * with the key columns.
 */
export function renderTable<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  width = Number.POSITIVE_INFINITY,
): string {
  const rendered = columns.map((column) => {
    const cells = [column.title, ...rows.map((row) => printable(column.cell(row)))];
    const size = Math.max(...cells.map((cell) => cell.length));
    return {
      key: column.key ?? false,
      size,
      lines: cells.map((cell) => (column.align === 'right' ? cell.padStart(size) : cell.padEnd(size))),
    };
  });
  return fold(rendered, width)
    .map((part) =>
      [...Array(rows.length + 1).keys()]
        .map((line) =>
          part
            .map(({ lines }) => lines[line])
            .join(GAP)
            .trimEnd(),
        )
        .join('\n'),
    )
    .join('\n\n');
}

function fold<C extends { key: boolean; size: number }>(columns: readonly C[], width: number): C[][] {
  const keys = columns.filter(({ key }) => key);
  const parts: C[][] = [];
  let part: C[] = [];
  for (const column of columns) {
    if (part.length > 0 && total([...part, column]) > width && part.some(({ key }) => !key)) {
      parts.push(part);
      part = [...keys];
    }
    if (!part.includes(column)) part.push(column);
  }
  return [...parts, part];
}

function total(columns: readonly { size: number }[]): number {
  return columns.reduce((sum, { size }) => sum + size, GAP.length * (columns.length - 1));
}

function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\u00b7');
}
