import { FROZEN } from './freeze.ts';
import type { HistoryRecord } from './history.ts';
import { findOverlaps, groupByTask, stoodStill, toRuns } from './overlaps.ts';
import type { HandlerRun, Overlap } from './overlaps.ts';
import type { Series } from './series.ts';

/** A row of the results table: the counts for one kill point. */
export interface Row {
  readonly title: string;
  cycles: number;
  /** Processes that were armed with the point. */
  armed: number;
  /** Processes that reached it. */
  hits: number;
  acknowledged: number;
  /** Acknowledged events that the inbox has at the end. */
  kept: number;
  handled: number;
  /** Handled a second time after a success. Allowed if its process died before the settle. */
  repeated: number;
  overlapping: number;
  lost: number;
  /** Tasks without exactly one ledger row; `null` without transactions. */
  ledgerWrong: number | null;
}

/** Rows by kill point. */
export type Rows = ReadonlyMap<string, Row>;

export function countCycles({ cycles, freeze }: Series, rows: Rows): void {
  for (const { point, armed, hits } of cycles) {
    const row = rows.get(point);
    if (row === undefined) continue;
    row.cycles += 1;
    row.armed += armed;
    row.hits += hits;
  }
  const row = rows.get(FROZEN);
  if (freeze === null || row === undefined) return;
  row.cycles += 1;
  row.armed += 1;
  row.hits += freeze.takenOver.length > 0 ? 1 : 0;
}

/** A task belongs to the row of the cycle that sent it. */
export function countTasks(series: Series, rows: Rows, details: string[]): void {
  const { acknowledged, states, ledger, history } = series;
  const succeeded = toRuns(history).filter(({ result }) => result === 'succeeded');
  const handled = new Set(
    succeeded.flatMap(({ handler, taskId }) => (handler === 'work' ? [taskId] : [])),
  );
  for (const [taskId, name] of acknowledged) {
    const row = rows.get(name);
    if (row === undefined) throw new Error(`crash test: ${taskId} belongs to no row`);
    const state = states.get(taskId) ?? null;
    const isHandled = handled.has(taskId);
    row.acknowledged += 1;
    row.kept += state === null ? 0 : 1;
    row.handled += isHandled ? 1 : 0;
    if (state !== 'done' || !isHandled) {
      row.lost += 1;
      details.push(`lost: ${taskId} (${row.title}), state ${state}, handled ${isHandled}`);
    }
    const entries = ledger?.[taskId] ?? 0;
    if (row.ledgerWrong === null || entries === 1) continue;
    row.ledgerWrong += 1;
    details.push(`ledger: ${taskId} (${row.title}) has ${entries} rows`);
  }
}

/** Runs that followed a success of the same handler for the same task, by cause. */
export interface Repeats {
  /** The first process was killed before the inbox recorded the success. */
  readonly killed: number;
  /** The first process stood still for longer than its lease. */
  readonly stoodStill: number;
  /** The history has no cause: this is a defect. */
  readonly unexplained: number;
  /** Longest time from a success to the kill that prevented its record. */
  readonly longestMs: number;
}

/** A repeat belongs to the row of the point at which the first process was killed. */
export function countRepeats(series: Series, rows: Rows, details: string[]): Repeats {
  const { history, acknowledged } = series;
  const points = new Map(
    history.flatMap((record) => (record.type === 'killed' ? [[record.server, record.point]] : [])),
  );
  const successes = toRuns(history).filter(
    ({ result, handler }) => result === 'succeeded' && handler === 'work',
  );
  const repeats = { killed: 0, stoodStill: 0, unexplained: 0, longestMs: 0 };
  for (const [taskId, runs] of groupByTask(successes)) {
    const [first, ...more] = runs.toSorted((one, other) => one.from - other.from);
    if (first === undefined || more.length === 0) continue;
    const row = rows.get(points.get(first.server) ?? acknowledged.get(taskId) ?? '');
    if (row) row.repeated += 1;
    let previous = first;
    for (const next of more) {
      const { cause, afterMs } = findCause(previous, next, history);
      repeats[cause] += 1;
      repeats.longestMs = Math.max(repeats.longestMs, afterMs);
      if (cause === 'unexplained') details.push(describeRepeat(previous, next, history));
      previous = next;
    }
  }
  return repeats;
}

/** What happened to the process of a successful run before the next run began. */
function findCause(
  { server, to }: HandlerRun,
  next: HandlerRun,
  history: readonly HistoryRecord[],
): { readonly cause: 'killed' | 'stoodStill' | 'unexplained'; readonly afterMs: number } {
  const records = history.filter((record) => 'server' in record && record.server === server);
  const kill = records.find(
    (record) => record.type === 'killed' && to <= record.at && record.at <= next.from,
  );
  if (kill?.type === 'killed') return { cause: 'killed', afterMs: (kill.at - to) / 1000 };
  const thawedAt = records.find((record) => record.type === 'thawed')?.at ?? Infinity;
  const wasStill = records.some(
    (record) =>
      // A run that was frozen can succeed after the thaw.
      (record.type === 'frozen' && record.at <= next.from && Math.min(to, next.from) <= thawedAt) ||
      (record.type === 'stalled' &&
        record.from <= next.from &&
        Math.min(to, next.from) <= record.at),
  );
  return { cause: wasStill ? 'stoodStill' : 'unexplained', afterMs: 0 };
}

function describeRepeat(
  previous: HandlerRun,
  next: HandlerRun,
  history: readonly HistoryRecord[],
): string {
  const at = (time: number) => `${((time - previous.to) / 1000).toFixed(1)} ms`;
  const kill = history.find(
    (record) => record.type === 'killed' && record.server === previous.server,
  );
  const title =
    `repeat: ${next.taskId} succeeded in ${previous.server} (attempt ${previous.attempt}) and began ` +
    `in ${next.server} (attempt ${next.attempt}) ${at(next.from)} later; ` +
    (kill
      ? `the first process was killed after ${at(kill.at)}`
      : 'the first process was not killed');
  return describeRecords(title, next.taskId, previous, previous.to, history);
}

export function countOverlaps(
  { history, freeze, acknowledged }: Series,
  rows: Rows,
  details: string[],
): { readonly stalled: number; readonly afterThawMs: number } {
  const thawedAt = history.find((record) => record.type === 'thawed')?.at ?? Infinity;
  let [stalled, afterThawMs] = [0, 0];
  for (const overlap of findOverlaps(toRuns(history))) {
    const servers = [overlap.first.server, overlap.second.server];
    if (freeze !== null && servers.includes(freeze.server)) {
      const until = Math.min(overlap.first.to, overlap.second.to);
      afterThawMs = Math.max(afterThawMs, (until - thawedAt) / 1000);
    } else if (stoodStill(overlap, history)) {
      stalled += 1;
    } else {
      const row = rows.get(acknowledged.get(overlap.taskId) ?? '') ?? rows.get('random');
      if (row) row.overlapping += 1;
      details.push(describeOverlap(overlap, history));
    }
  }
  return { stalled, afterThawMs };
}

/** Includes the records of the task and the stalls of the process that should have stopped. */
function describeOverlap(overlap: Overlap, history: readonly HistoryRecord[]): string {
  const { taskId, first, second, loser, takenOverAt, forMs } = overlap;
  const toText = ({ server, handler, attempt, result }: HandlerRun) =>
    `${handler} in ${server} (attempt ${attempt}, ${result})`;
  const title = `overlap: ${taskId} for ${forMs.toFixed(1)} ms: ${toText(first)} and ${toText(second)}`;
  return describeRecords(title, taskId, loser, takenOverAt, history);
}

/** A title, and the records of a task and of the stalls of a process, with times since `since`. */
function describeRecords(
  title: string,
  taskId: string,
  { server }: HandlerRun,
  since: number,
  history: readonly HistoryRecord[],
): string {
  const records = history
    .filter(
      (record) =>
        ('taskId' in record && record.taskId === taskId) ||
        (record.type === 'stalled' && record.server === server),
    )
    .map(
      (record) => `    ${((record.at - since) / 1000).toFixed(1)} ms: ${JSON.stringify(record)}`,
    );
  return [title, ...records.slice(-20)].join('\n');
}
