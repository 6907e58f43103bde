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

/** Cuts a line with an ellipsis. */
export const cut = (line: string, columns: number): string =>
  line.length <= columns ? line : `${line.slice(0, Math.max(columns - 1, 0))}…`;

/** Characters that the last column needs, unless its texts are shorter: a reason, or an error. */
const MIN_LAST_WIDTH = 20;

interface Table {
  readonly layout: readonly Column<never>[];
  /** The headings, then the rows. */
  readonly lines: readonly (readonly string[])[];
  readonly widths: readonly number[];
}

const toTable = <Row>(layout: readonly Column<Row>[], rows: readonly Row[]): Table => {
  const texts = rows.map((row) => layout.map(({ text }) => printable(text(row))));
  const lines = [layout.map(({ heading }) => heading), ...texts];
  const widths = layout.map((_column, index) =>
    Math.max(...lines.map((line) => line[index]?.length ?? 0)),
  );
  return { layout, lines, widths };
};

const isFitting = ({ widths }: Table, columns: number): boolean => {
  const others = widths.slice(0, -1).reduce((sum, width) => sum + width + GAP, 0);
  return others + Math.min(widths.at(-1) ?? 0, MIN_LAST_WIDTH) <= columns;
};

const toLine = ({ layout, widths }: Table, line: readonly string[]): string =>
  line
    .map((text, index) => pad(text, widths[index] ?? 0, layout[index]?.alignRight))
    .join(' '.repeat(GAP))
    .trimEnd();

/**
 * Prints rows. On a terminal: columns below a heading, in the first layout that fits, or else in the last
 * one, cut at the width of the terminal. Elsewhere: one line a row in the first layout, its texts complete
 * and separated by tabs, without a heading, for `cut -f`.
 */
export const printTable = <Row>(
  { print, colour, isTerminal, columns }: Console,
  layouts: readonly (readonly Column<Row>[])[],
  rows: readonly Row[],
): void => {
  const tables = layouts.map((layout) => toTable(layout, rows));
  if (!isTerminal) {
    for (const line of tables[0]?.lines.slice(1) ?? []) print(line.join('\t'));
    return;
  }
  const width = columns();
  const table = tables.find((it) => isFitting(it, width)) ?? tables.at(-1);
  if (rows.length === 0 || table === undefined) return;
  const [head = '', ...body] = table.lines.map((line) => cut(toLine(table, line), width));
  print(colour('dim', head));
  for (const line of body) print(line);
};
