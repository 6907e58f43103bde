import type { RetryPlan } from '@novita-webhooks/simulator/cli';

import { printable } from '../terminal/printable.ts';
import {
  describeAnswer,
  describeAttempt,
  describeEvent,
  describeNext,
  describeStatus,
  describeTime,
} from './describe-row.ts';
import type { Line, Span } from './line.ts';
import type { TaskRow } from './task-watch.ts';
import { fit } from './text-width.ts';

/** What the texts of a row depend on besides the task. */
export interface RowContext {
  readonly retries: RetryPlan;
  readonly now: number;
}

interface Column {
  readonly heading: string;
  readonly width: number;
  /** The columns with the highest ranks are left out first. */
  readonly rank: number;
  readonly cell: (row: TaskRow, context: RowContext, width: number) => Span;
}

const GAP = 2;
const MARK = '▸ ';
const NO_MARK = '  ';

const ID_LENGTH = 36;
const SHORT_ID_LENGTH = 8;

const ID: Column = {
  ...{ heading: 'TASK', width: SHORT_ID_LENGTH, rank: 0 },
  cell: ({ task: { id } }, _context, width) => ({
    text: id.slice(0, width < ID_LENGTH ? SHORT_ID_LENGTH : ID_LENGTH),
  }),
};
const TYPE: Column = {
  ...{ heading: 'TYPE', width: 20, rank: 4 },
  cell: ({ task }) => ({ text: printable(task.taskType) }),
};
const STATUS: Column = { heading: 'STATUS', width: 9, rank: 3, cell: describeStatus };
const EVENT: Column = { heading: 'EVENT', width: 14, rank: 1, cell: describeEvent };
const ATTEMPT: Column = {
  ...{ heading: 'TRY', width: 6, rank: 5 },
  cell: (row, { retries }) => ({ text: describeAttempt(row, retries) }),
};
const ANSWER: Column = {
  ...{ heading: 'LAST ANSWER', width: 12, rank: 2 },
  cell: (row, { retries }) => describeAnswer(row, retries),
};
const TIME: Column = {
  ...{ heading: 'TIME', width: 6, rank: 7 },
  cell: (row) => ({ text: describeTime(row) }),
};
const NEXT: Column = {
  ...{ heading: 'NEXT', width: 6, rank: 6 },
  cell: (row, { now }) => ({ text: describeNext(row, now) }),
};

const COLUMNS: readonly Column[] = [ID, TYPE, STATUS, EVENT, ATTEMPT, ANSWER, TIME, NEXT];

/** Columns that take what is left of the width, one after another, up to these widths. */
const GROWING: readonly (readonly [Column, number])[] = [
  [ANSWER, 24],
  [TYPE, 32],
  [ID, ID_LENGTH],
  [ANSWER, 48],
];

const widthOfAll = (columns: readonly { readonly width: number }[]): number =>
  columns.reduce((sum, { width }) => sum + width + GAP, MARK.length - GAP);

/** Leaves out columns until the others fit. */
const fitColumns = (total: number): readonly Column[] => {
  let columns = COLUMNS;
  while (columns.length > 1 && widthOfAll(columns) > total) {
    const last = Math.max(...columns.map(({ rank }) => rank));
    columns = columns.filter(({ rank }) => rank !== last);
  }
  return columns;
};

const layOut = (total: number): readonly Column[] => {
  const columns = fitColumns(total);
  const widths = new Map(columns.map((column) => [column, column.width]));
  let left = total - widthOfAll(columns);
  for (const [column, max] of GROWING) {
    const width = widths.get(column);
    if (width === undefined || left <= 0) continue;
    const more = Math.min(left, max - width);
    widths.set(column, width + more);
    left -= more;
  }
  return columns.map((column) => ({ ...column, width: widths.get(column) ?? column.width }));
};

/** Pads each text to the width of its column. */
const toSpans = (cells: readonly Span[], columns: readonly Column[]): Span[] =>
  cells.flatMap(({ text, colour }, index) => [
    { text: fit(text, columns[index]?.width ?? 0), colour },
    { text: ' '.repeat(GAP) },
  ]);

/** Creates the heading and a line for each row. */
export const createTable = (
  rows: readonly TaskRow[],
  selectedId: string | undefined,
  context: RowContext,
  width: number,
): Line[] => {
  const columns = layOut(width);
  const headings = columns.map(({ heading }): Span => ({ text: heading, colour: 'dim' }));
  const toLine = (row: TaskRow): Line => {
    const isMarked = row.task.id === selectedId;
    const cells = columns.map(({ cell, width: cellWidth }) => cell(row, context, cellWidth));
    return { isMarked, spans: [{ text: isMarked ? MARK : NO_MARK }, ...toSpans(cells, columns)] };
  };
  return [{ spans: [{ text: NO_MARK }, ...toSpans(headings, columns)] }, ...rows.map(toLine)];
};
