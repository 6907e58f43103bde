import { printable } from './printable.ts';
import type { Console } from './console.ts';

/** A column of a table: its heading and the text of a row in it. */
export interface Column<Row> {
  readonly heading: string;
  readonly text: (row: Row) => string;
  /** Whether the texts end in one line below each other, as numbers do. */
  readonly alignRight?: boolean;
}

const GAP = 2;

const pad = (text: string, width: number, alignRight = false): string =>
  alignRight ? text.padStart(width) : text.padEnd(width);

const cut = (line: string, columns: number): string =>
  line.length <= columns ? line : `${line.slice(0, Math.max(columns - 1, 0))}…`;

/**
 * Prints rows. On a terminal: columns below a heading, cut at its width. Elsewhere: one line a row, its
 * texts complete and separated by tabs, without a heading, for `cut -f`.
 */
export const printTable = <Row>(
  { print, colour, isTerminal, columns }: Console,
  layout: readonly Column<Row>[],
  rows: readonly Row[],
): void => {
  const texts = rows.map((row) => layout.map(({ text }) => printable(text(row))));
  if (!isTerminal) {
    for (const row of texts) print(row.join('\t'));
    return;
  }
  if (rows.length === 0) return;
  const headings = layout.map(({ heading }) => heading);
  const lines = [headings, ...texts];
  const widths = layout.map((_column, index) =>
    Math.max(...lines.map((line) => line[index]?.length ?? 0)),
  );
  const toLine = (line: readonly string[]): string =>
    line
      .map((text, index) => pad(text, widths[index] ?? 0, layout[index]?.alignRight))
      .join(' '.repeat(GAP))
      .trimEnd();
  const [head = '', ...body] = lines.map((line) => cut(toLine(line), columns()));
  print(colour('dim', head));
  for (const line of body) print(line);
};
