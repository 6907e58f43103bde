// The whole screen as lines of text: a pure function of what is known, chosen and visible.
import type { SimulatorSettings, TaskStatus } from '@novita-webhooks/simulator';

import { toCountText, toNumberOf } from '../terminal/printable.ts';
import { STATUS_TEXTS } from './describe-row.ts';
import { helpLines } from './help.ts';
import { line, paintLine, type Line, type Paint } from './line.ts';
import type { LogEntry } from './log.ts';
import { describeTask, wrapLines, type TaskDetails } from './task-details.ts';
import { createTable, type RowContext } from './task-table.ts';
import type { Summary, TaskRow } from './task-watch.ts';
import { widthOf } from './text-width.ts';
import { BREAK_FAULTS, type ViewState } from './view-state.ts';

/** Size of a terminal in characters. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** What the simulator has done. */
export interface FrameData {
  readonly url: string;
  readonly summary: Summary;
  readonly settings: SimulatorSettings;
  /** Rows that fit: the first one is at this position. */
  readonly first: number;
  readonly rows: readonly TaskRow[];
  readonly selectedId: string | undefined;
  /** Only on the page `details`. */
  readonly details: TaskDetails | undefined;
  /** Oldest first. */
  readonly log: readonly LogEntry[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** A screen, and how far its page can be scrolled. */
export interface Frame {
  readonly lines: readonly string[];
  readonly maxScroll: number;
}

/** Lines that the parts of a screen take. */
export interface Layout {
  readonly header: number;
  readonly body: number;
  readonly log: number;
}

const MIN_ROWS_OF_LARGE_SCREEN = 20;
const LARGE_HEADER = 6;
const SMALL_HEADER = 2;
/** A rule and the last messages. */
const LARGE_LOG = 4;

/** Divides the rows of a terminal. The last one is for the keys. */
export const layOutScreen = ({ rows }: Size): Layout => {
  const isLarge = rows >= MIN_ROWS_OF_LARGE_SCREEN;
  const header = isLarge ? LARGE_HEADER : SMALL_HEADER;
  const log = isLarge ? LARGE_LOG : 1;
  return { header, log, body: Math.max(rows - header - log - 1, 1) };
};

const STATUSES = Object.entries(STATUS_TEXTS) as readonly (readonly [TaskStatus, string])[];
const EVENT_STATES = (
  ['waiting', 'delivering', 'retrying', 'acknowledged', 'unacknowledged', 'dropped'] as const
).map((state) => [state, state] as const);

/** `Tasks: 3 queued, 1 failed` */
const countAll = <Key>(
  title: string,
  pairs: readonly (readonly [Key, string])[],
  counts: ReadonlyMap<Key, number>,
): string => {
  const parts = pairs.flatMap(([key, text]) => {
    const count = counts.get(key) ?? 0;
    return count === 0 ? [] : [`${toCountText(count)} ${text}`];
  });
  return `${title}: ${parts.length === 0 ? 'none' : parts.join(', ')}`;
};

const describeFaults = ({ faults, nextFaults }: SimulatorSettings): string => {
  const texts = Object.entries(faults).map(([name, { probability = 1 }]) =>
    probability === 1 ? name : `${name} ${Math.round(probability * 1000) / 10} %`,
  );
  const next = nextFaults.length === 0 ? [] : [`next delivery: ${nextFaults.join(', ')}`];
  const all = texts.length === 0 ? [] : [texts.join(', ')];
  return [...all, ...next].join(' · ') || 'none';
};

const createCounts = ({ tasks, byStatus, byEventState, ...posts }: Summary): Line[] => [
  line(countAll(`Tasks ${toCountText(tasks)}`, STATUSES, byStatus)),
  line(countAll('Events', EVENT_STATES, byEventState)),
  line(
    `Deliveries: ${toCountText(posts.deliveries)}, ${toCountText(posts.acknowledged)} with a 2xx`,
  ),
];

const createHeader = (data: FrameData, place: string, layout: Layout, columns: number): Line[] => {
  const { url, summary, settings } = data;
  const title = `Novita simulator  ${url}`;
  const gap = place === '' ? '' : ' '.repeat(Math.max(columns - title.length - place.length, 2));
  const faults = describeFaults(settings);
  const faultsLine = line(
    `Faults: ${faults}`,
    settings.nextFaults.length > 0 ? 'yellow' : undefined,
  );
  if (layout.header < LARGE_HEADER) {
    const counts = `${toNumberOf(summary.tasks, 'task')}, ${toNumberOf(summary.deliveries, 'delivery', 'deliveries')}`;
    return [line(title + gap + place, 'bold'), faults === 'none' ? line(counts) : faultsLine];
  }
  return [line(title + gap + place, 'bold'), ...createCounts(summary), faultsLine, line('')];
};

const emptyLines = (url: string): Line[] => [
  line('No task yet. Submit one:'),
  line(`  novita-sdk:    novita.setBaseUrl('${url}')`),
  line(`  other clients: use ${url} instead of https://api.novita.ai`),
];

const createList = (data: FrameData, context: RowContext, columns: number): Line[] =>
  data.rows.length === 0
    ? wrapLines(emptyLines(data.url), columns)
    : createTable(data.rows, data.selectedId, context, columns);

const createBreakPage = ({ fault }: ViewState): Line[] => [
  line('Break the next delivery:', 'bold'),
  ...BREAK_FAULTS.map(({ name, text }, index): Line => {
    const isMarked = index === fault;
    const label = `${isMarked ? '▸' : ' '} ${index + 1} ${name.padEnd(12)} ${text}`;
    return { isMarked, spans: [{ text: label }] };
  }),
];

const createText = (state: ViewState, data: FrameData, context: RowContext, columns: number) => {
  if (state.page === 'help') return wrapLines(helpLines, columns);
  if (data.details === undefined) return [line('This task is no longer known.')];
  return describeTask(data.details, context, columns);
};

const describeKept = (): string => 'The simulator keeps it: r sends it again.';

const createBody = (
  state: ViewState,
  data: FrameData,
  { columns, body }: { readonly columns: number; readonly body: number },
): { readonly lines: readonly Line[]; readonly maxScroll: number } => {
  const { retryDelaysMs: delaysMs } = data.settings;
  const context = { retries: { delaysMs, isPerformed: true, describeKept }, now: data.now };
  if (state.page === 'tasks') return { lines: createList(data, context, columns), maxScroll: 0 };
  if (state.page === 'break') return { lines: createBreakPage(state), maxScroll: 0 };
  const text = createText(state, data, context, columns);
  const maxScroll = Math.max(text.length - body, 0);
  const from = Math.min(state.scroll, maxScroll);
  return { lines: text.slice(from, from + body), maxScroll };
};

/** The first ones stay longest when the terminal is narrow. */
const HINTS: Readonly<Record<ViewState['page'], readonly string[]>> = {
  tasks: ['q leave', '? help', '↑↓ select', 'r again', 'd details', 'b break', 'o open'],
  details: ['q back', '↑↓ scroll', 'r again', 'o open', 'b break'],
  break: ['q back', '1-5 break', '↑↓ choose', 'Enter break'],
  help: ['q back', '↑↓ scroll'],
};

const createHints = (page: ViewState['page'], columns: number): Line => {
  let text = '';
  for (const hint of HINTS[page]) {
    const longer = text === '' ? hint : `${text}  ${hint}`;
    if (widthOf(longer) > columns) break;
    text = longer;
  }
  return line(text, 'dim');
};

/** What part of the list or text is visible; empty if it is all of it. */
const describePlace = (state: ViewState, data: FrameData, maxScroll: number): string => {
  const { first, rows, summary } = data;
  if (state.page !== 'tasks') return state.scroll < maxScroll ? '↓ more' : '';
  if (rows.length === summary.tasks) return '';
  const range = `${toCountText(first + 1)}-${toCountText(first + rows.length)}`;
  return `${range} of ${toCountText(summary.tasks)}`;
};

const createLogLines = ({ log }: FrameData, layout: Layout, columns: number): Line[] => {
  const rule = layout.log < LARGE_LOG ? [] : [line('─'.repeat(columns), 'dim')];
  const entries = log.slice(rule.length - layout.log);
  return [...rule, ...entries.map(({ text, colour }) => line(text, colour))];
};

const fill = (lines: readonly Line[], height: number): Line[] =>
  Array.from({ length: height }, (_, index) => lines[index] ?? line(''));

/** Renders a screen: exactly as many lines as the terminal has, none wider than it. */
export const renderFrame = (state: ViewState, data: FrameData, size: Size, paint: Paint): Frame => {
  const { columns, rows } = size;
  const layout = layOutScreen(size);
  const { lines, maxScroll } = createBody(state, data, { columns, body: layout.body });
  const place = describePlace(state, data, maxScroll);
  const all = [
    ...fill(createHeader(data, place, layout, columns), layout.header),
    ...fill(lines, layout.body),
    ...fill(createLogLines(data, layout, columns), layout.log),
    createHints(state.page, columns),
  ];
  return {
    lines: all.slice(0, rows).map((it) => paintLine(it, columns, paint)),
    maxScroll,
  };
};
