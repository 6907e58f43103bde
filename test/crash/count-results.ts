import { FROZEN } from './freeze.ts';
import type { Line } from './history.ts';
import { findOverlaps, groupByTask, stoodStill, toRuns } from './overlaps.ts';
import type { HandlerRun, Overlap } from './overlaps.ts';
import type { Series } from './series.ts';

/** A row of the table: what happened around one kill point. */
export interface Row {
  readonly title: string;
  cycles: number;
  /** Processes that were to be killed there. */
  armed: number;
  hits: number;
  acknowledged: number;
  kept: number;
  handled: number;
  /** Handled again although it had succeeded: its process died before that was recorded. */
  twice: number;
  overlapping: number;
  lost: number;
  /** `null` without transactions. */
  ledgerWrong: number | null;
}

/** By kill point. */
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

/** A task belongs to the row of the cycle in which it was sent. */
export function countTasks(series: Series, rows: Rows, details: string[]): void {
  const { acknowledged, states, ledger, journal } = series;
  const succeeded = toRuns(journal).filter(({ how }) => how === 'succeeded');
  const handled = new Set(
    succeeded.flatMap(({ handler, taskId }) => (handler === 'work' ? [taskId] : [])),
  );
  for (const [taskId, name] of acknowledged) {
    const row = rows.get(name);
    if (row === undefined) throw new Error(`${taskId} belongs to no row`);
    const state = states.get(taskId) ?? null;
    const isKept = state !== null;
    const isHandled = handled.has(taskId);
    row.acknowledged += 1;
    row.kept += isKept ? 1 : 0;
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

/** What was handled again although it had succeeded. */
export interface Repeats {
  /** Its process was killed before that could be recorded. */
  readonly killed: number;
  /** Its process stood still past the lease. */
  readonly stoodStill: number;
  /** There is no excuse. */
  readonly unexplained: number;
  /** Longest time from a success to the kill that came before its record, in milliseconds. */
  readonly longestMs: number;
}

/** A repeat belongs to the point at which the process that had succeeded was killed. */
export function countRepeats(series: Series, rows: Rows, details: string[]): Repeats {
  const { journal, acknowledged } = series;
  const points = new Map(
    journal.flatMap((line) => (line.type === 'killed' ? [[line.victim, line.point]] : [])),
  );
  const successes = toRuns(journal).filter(
    ({ how, handler }) => how === 'succeeded' && handler === 'work',
  );
  const repeats = { killed: 0, stoodStill: 0, unexplained: 0, longestMs: 0 };
  for (const [taskId, runs] of groupByTask(successes)) {
    const [first, ...more] = runs.toSorted((one, other) => one.from - other.from);
    if (first === undefined || more.length === 0) continue;
    const row = rows.get(points.get(first.victim) ?? acknowledged.get(taskId) ?? '');
    if (row) row.twice += 1;
    let before = first;
    for (const next of more) {
      const { excuse, afterMs } = excuseFor(before, next, journal);
      repeats[excuse] += 1;
      repeats.longestMs = Math.max(repeats.longestMs, afterMs);
      if (excuse === 'unexplained') details.push(describeRepeat(before, next, journal));
      before = next;
    }
  }
  return repeats;
}

/** What became of the process that had succeeded, before the task was run again. */
function excuseFor(
  { victim, to }: HandlerRun,
  next: HandlerRun,
  journal: readonly Line[],
): { readonly excuse: 'killed' | 'stoodStill' | 'unexplained'; readonly afterMs: number } {
  const ofIt = journal.filter((line) => 'victim' in line && line.victim === victim);
  const kill = ofIt.find((line) => line.type === 'killed' && to <= line.at && line.at <= next.from);
  if (kill?.type === 'killed') return { excuse: 'killed', afterMs: (kill.at - to) / 1000 };
  const thawed = ofIt.find((line) => line.type === 'thawed')?.at ?? Infinity;
  const stoodStill = ofIt.some(
    (line) =>
      // Its handler may have been in the middle, and have succeeded after it woke up.
      (line.type === 'frozen' && line.at <= next.from && Math.min(to, next.from) <= thawed) ||
      (line.type === 'stalled' && line.from <= next.from && Math.min(to, next.from) <= line.at),
  );
  return { excuse: stoodStill ? 'stoodStill' : 'unexplained', afterMs: 0 };
}

function describeRepeat(before: HandlerRun, next: HandlerRun, journal: readonly Line[]): string {
  const at = (time: number) => `${((time - before.to) / 1000).toFixed(1)} ms`;
  const kill = journal.find((line) => line.type === 'killed' && line.victim === before.victim);
  return (
    `again: ${next.taskId} had succeeded in ${before.victim} (attempt ${before.attempt}), was begun in ` +
    `${next.victim} (attempt ${next.attempt}) ${at(next.from)} later; ` +
    (kill ? `the first was killed after ${at(kill.at)}` : 'the first was not killed')
  );
}

export function countOverlaps(
  { journal, freeze, acknowledged }: Series,
  rows: Rows,
  details: string[],
): { readonly stalled: number; readonly afterThawMs: number } {
  const thawed = journal.find((line) => line.type === 'thawed')?.at ?? Infinity;
  let [stalled, afterThawMs] = [0, 0];
  for (const overlap of findOverlaps(toRuns(journal))) {
    const victims = [overlap.first.victim, overlap.second.victim];
    if (freeze !== null && victims.includes(freeze.victim)) {
      const until = Math.min(overlap.first.to, overlap.second.to);
      afterThawMs = Math.max(afterThawMs, (until - thawed) / 1000);
    } else if (stoodStill(overlap, journal)) {
      stalled += 1;
    } else {
      const row = rows.get(acknowledged.get(overlap.taskId) ?? '') ?? rows.get('random');
      if (row) row.overlapping += 1;
      details.push(describe(overlap, journal));
    }
  }
  return { stalled, afterThawMs };
}

/** With what the journal has on that task, and on the worker that should have stopped. */
function describe(overlap: Overlap, lines: readonly Line[]): string {
  const { taskId, first, second, loser, takenOverAt, forMs } = overlap;
  const who = ({ victim, handler, attempt, how }: HandlerRun) =>
    `${handler} in ${victim} (attempt ${attempt}, ${how})`;
  const history = lines
    .filter(
      (line) =>
        ('taskId' in line && line.taskId === taskId) ||
        (line.type === 'stalled' && line.victim === loser.victim),
    )
    .map(
      (line) => `    ${((line.at - takenOverAt) / 1000).toFixed(1)} ms: ${JSON.stringify(line)}`,
    );
  const title = `overlap: ${taskId} for ${forMs.toFixed(1)} ms: ${who(first)} and ${who(second)}`;
  return [title, ...history.slice(-20)].join('\n');
}
